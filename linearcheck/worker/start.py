"""Start of a worker process. Run by its path, so that linearcheck need not be installed in the interpreter that has torch.

Torch is imported before anything of the user's can be: a file called `random.py` beside the model must not be found by it.
"""

import gc
import importlib.util
import os
import sys


def main() -> None:
    nonce, pipeline, may_fork = bytes.fromhex(sys.argv[1]), sys.argv[2], sys.argv[3] == "fork"
    sys.argv = [""]
    requests, replies = _take_pipes()
    _make_package_importable()

    gc.disable()  # nothing that an import makes is garbage, and looking for it takes a tenth of the time
    from linearcheck.worker.frames import encode_frame, write_all

    def say(message: dict[str, object]) -> None:
        write_all(replies, encode_frame(nonce, message))

    try:
        import torch
    except Exception as error:
        say({"no_torch": f"{type(error).__name__}: {error}", "missing": isinstance(error, ModuleNotFoundError) and error.name == "torch"})
        os._exit(1)
    # A thread pool in this process would make every forked child hang at its first parallel operation, and in a child those of its own.
    torch.set_num_threads(1)
    torch.set_num_threads = lambda nthreads: None

    from linearcheck.worker.checking import pipeline_named

    try:
        check_model = pipeline_named(pipeline)
    except Exception as error:
        import traceback

        say({"broken": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})
        os._exit(1)
    sys.dont_write_bytecode = True  # no `__pycache__` in the user's folders
    gc.enable()
    gc.freeze()
    say({"hello": True, "torch": str(torch.__version__), "python": sys.version.split()[0]})
    from linearcheck.worker.recording import note_imported_modules

    note_imported_modules()
    if may_fork:
        from linearcheck.worker.serve_forked import ForkingServer

        ForkingServer(requests, replies, nonce, check_model).serve()
    else:
        from linearcheck.worker.serve_inline import InlineServer

        InlineServer(requests, replies, nonce, check_model).serve()


def _take_pipes() -> tuple[int, int]:
    """Move the pipes from stdin and stdout to descriptors that no `print` writes to."""
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (0, 1):
            msvcrt.setmode(descriptor, os.O_BINARY)
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return requests, replies


def _make_package_importable() -> None:
    """Import this very package, without adding the folder that it lies in to `sys.path`: that may be another environment's."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location("linearcheck", os.path.join(package, "__init__.py"), submodule_search_locations=[package])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["linearcheck"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    main()
