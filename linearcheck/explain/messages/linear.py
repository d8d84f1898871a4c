"""Messages about `nn.Linear` and products of matrices."""

from __future__ import annotations

from linearcheck.explain.messages.writing import message, says
from linearcheck.explain.products import matrix_product
from linearcheck.explain.records import Message

LINEAR: tuple[Message, ...] = (
    message(
        "matrix product",
        r"mat1 and mat2 shapes cannot be multiplied \((?P<rows>\d+)x(?P<got>\d+) and (?P<expected>\d+)x(?P<out>\d+)\)",
        matrix_product,
    ),
    message(
        "matrix product, to version 1.6",
        r"size mismatch, m1: \[(?P<rows>\d+) x (?P<got>\d+)\], m2: \[(?P<expected>\d+) x (?P<out>\d+)\]",
        matrix_product,
    ),
    message(
        "matrix product on meta",
        r"a and b must have same reduction dim, but got \[(?P<rows>\d+), (?P<got>\d+)\] X \[(?P<expected>\d+), (?P<out>\d+)\]",
        matrix_product,
    ),
    says(
        "matrix product without numbers",
        "LC101 LC405",
        r"mat1 dim 1 must match mat2 dim 0",
        "a Linear or a matrix product gets another number of features than it takes",
        changes=("print the shape of the input before the layer: its last axis has to be `in_features`",),
    ),
    says(
        "matrix and vector",
        "LC405",
        r"size mismatch, got (?:input \(<rows>\), mat \(<mat_rows>x<columns>\), vec \(<size>\)|<rows2>, <mat_rows2>x<columns2>,<size2>)",
        "a matrix times a vector: the columns of the matrix are not the elements of the vector",
        {
            "columns": "columns of the matrix",
            "size": "elements of the vector",
            "columns2": "columns of the matrix",
            "size2": "elements of the vector",
        },
    ),
    says(
        "dot product",
        "LC405",
        r"inconsistent tensor size, expected tensor \[<a>\] and src \[<b>\] to have the same number of elements",
        "a product of two vectors with {a} and {b} elements",
        {"a": "elements of the first vector", "b": "elements of the second vector"},
    ),
    says(
        "weight is no matrix",
        "LC105 LC405",
        r"(?:mat2|self|vec|mat|tensor|batch1|batch2|b) must be (?:a )?(?:matrix|2D|vector)(?:, got <rank>-D tensor)?",
        "a product gets a tensor with another number of axes than a matrix has",
        {"rank": "axes of the tensor that should have two"},
        (
            "a weight that was assigned (`layer.weight.data = ...`) has to be (out_features, in_features)",
            "`torch.matmul` takes any number of axes",
        ),
    ),
    says(
        "batches of matrices",
        "LC405 LC306",
        r"Expected size for first two dimensions of batch2 tensor to be: \[<batch>, <expected>\] but got: \[<batch2>, <got>\]",
        "a product of batches of matrices: {expected} columns on the left meet {got} rows on the right, in {batch} and {batch2} matrices",
        {
            "batch": "matrices on the left: the batch, times the heads",
            "expected": "columns of each matrix on the left",
            "batch2": "matrices on the right",
            "got": "rows of each matrix on the right",
        },
        ("`q @ k.transpose(-2, -1)` where two sequences are compared", "columns on the left and rows on the right have to be one number"),
    ),
    says(
        "batches of matrices, older",
        "LC405 LC306",
        r"Expected tensor to have size <expected> at dimension <axis>, but got size <got> for argument #2 'batch2'",
        "a product of batches of matrices: {expected} on the left meets {got} on axis {axis} of the right",
        {"expected": "size that the left side asks for", "got": "size of the right side", "axis": "axis of the right side"},
        ("`q @ k.transpose(-2, -1)` where two sequences are compared",),
    ),
    says(
        "rank of a batch of matrices",
        "LC405",
        r"(?P<name>batch1|batch2) must be a 3D tensor",
        "`bmm` takes three axes, (N, rows, columns); one of its arguments has another number",
        changes=("`torch.matmul` (`@`) takes any number of axes", "or put the missing axis in with `unsqueeze`"),
    ),
    says(
        "einsum, a letter with two sizes",
        "LC405",
        r"einsum\(\)(?::|,) (?:subscript (?P<letter>\w) has size <got> for operand <operand> which does not broadcast with previously"
        r" seen size <expected>"
        r"|operands do not broadcast with remapped shapes \[original->remapped\]: (?P<rest>.{0,200}))",
        "`einsum`: one letter stands for axes of different sizes",
        {
            "got": "size of the axis `{letter}` in operand {operand}, counted from 0",
            "expected": "size of `{letter}` in an operand before it",
            "rest": "the operands, before and after they are lined up",
        },
        ("give both axes one size, or another letter to one of them",),
    ),
    says(
        "einsum, number of axes",
        "LC405",
        r"einsum\(\)(?::|,) the number of subscripts in the equation \(<letters>\) (?:does not match|is more than) the number of"
        r" dimensions \(<axes>\)"
        r" for operand <operand>",
        "`einsum`: {letters} letters for a tensor of {axes} axes",
        {"letters": "letters in the equation", "axes": "axes of operand {operand}, counted from 0"},
        ("write one letter for each axis, or `...` for those that do not matter",),
    ),
    says(
        "einsum, the equation",
        "LC405",
        r"einsum\(\)(?::|,) (?P<what>(?:fewer|more) operands were provided|output subscript \w+ does not appear)",
        "`einsum`: {what}",
        changes=("the equation names each operand between commas, and every letter on the right of `->` also on the left",),
    ),
    says(
        "tensordot",
        "LC405",
        r"contracted dimensions need to match, but first has size <a> in dim <axis> and second has size <b> in dim <axis2>",
        "`tensordot` sums over axes of {a} and {b}",
        {"a": "size of axis {axis} of the first tensor", "b": "size of axis {axis2} of the second tensor"},
    ),
    says(
        "bilinear",
        "LC307",
        r"bilinear\(\): input(?P<number>[12]) size does not match weight size: got <got> but expected <expected>",
        "`nn.Bilinear` takes {expected} features as input {number}, and gets {got}",
        {"got": "features that come in", "expected": "`in{number}_features`"},
    ),
)
