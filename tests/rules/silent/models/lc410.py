"""(N,) against (N, 1), by accident and on purpose."""

import torch
import torch.nn as nn
import torch.nn.functional as F


# input: N,10; N:int64; N
class AdvantageActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.policy, self.value = nn.Linear(10, 14), nn.Linear(14, 5), nn.Linear(14, 1)

    def forward(self, obs, actions, returns):
        h = torch.tanh(self.body(obs))
        logits, values = self.policy(h), self.value(h)
        chosen = F.log_softmax(logits, 1).gather(1, actions.unsqueeze(1)).squeeze(1)
        advantage = returns - values.detach()  # LC410
        return -(advantage * chosen).mean()


# input: N,3,16,16; N:int64
class ProjectionCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out, self.embed = nn.Conv2d(3, 14, 3, 2, 1), nn.Linear(14, 1), nn.Embedding(6, 14)

    def forward(self, x, y):
        h = torch.relu(self.conv(x)).sum((2, 3))
        return self.out(h) + (self.embed(y) * h).sum(1)  # LC410


# input: N:int64; N:int64
class Factorisation(nn.Module):
    """Biases are tables of one column."""

    def __init__(self):
        super().__init__()
        self.users, self.items = nn.Embedding(11, 6), nn.Embedding(13, 6)
        self.bias = nn.Embedding(11, 1)

    def forward(self, user, item):
        return (self.users(user) * self.items(item)).sum(1) + self.bias(user)  # LC410


# input: N:int64; N:int64
class FactorisationKept(nn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.items = nn.Embedding(11, 6), nn.Embedding(13, 6)
        self.bias = nn.Embedding(11, 1)

    def forward(self, user, item):
        return (self.users(user) * self.items(item)).sum(1, keepdim=True) + self.bias(user)


# input: N,9; N
class RegressionLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 14), nn.ReLU(), nn.Linear(14, 1))

    def forward(self, x, y):
        return F.mse_loss(self.net(x), y)  # LC410


# input: N,3,16,16; N,16,16
class SegmentationDifference(nn.Module):
    """One channel against none."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, x, mask):
        error = torch.sigmoid(self.conv(x)) - mask  # LC410
        return (error**2).mean()


# input: N,8; N:int64; N; N,8; N
class TemporalDifference(nn.Module):
    """What `gather` picks keeps the axis of its index, and the targets have none."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 14), nn.ReLU(), nn.Linear(14, 4))

    def forward(self, state, action, reward, following, done):
        with torch.no_grad():
            target = reward + 0.99 * self.net(following).max(1)[0] * (1 - done)
        chosen = self.net(state).gather(1, action.unsqueeze(1))
        return F.smooth_l1_loss(chosen, target)  # LC410


# input: N,8; N:int64; N; N,8
class GatheredBoth(nn.Module):
    """Double DQN: both sides keep the axis of their index."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 14), nn.ReLU(), nn.Linear(14, 4))

    def forward(self, state, action, reward, following):
        with torch.no_grad():
            best = self.net(following).argmax(1, keepdim=True)
            target = reward.unsqueeze(1) + 0.99 * self.net(following).gather(1, best)
        error = self.net(state).gather(1, action[:, None]) - target
        return (error**2).mean()


# input: N,9; N
class RelativeError(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 1)

    def forward(self, x, y):
        ratio = self.net(x).abs() / y  # LC410
        return ratio.log().abs().mean()


# input: N,10; N:int64; N
class SqueezedCritic(nn.Module):
    """A2C (Mnih et al. 2016) as it should be."""

    def __init__(self):
        super().__init__()
        self.body, self.policy, self.value = nn.Linear(10, 14), nn.Linear(14, 5), nn.Linear(14, 1)

    def forward(self, obs, actions, returns):
        h = torch.tanh(self.body(obs))
        advantage = returns - self.value(h).squeeze(1)
        chosen = F.log_softmax(self.policy(h), 1).gather(1, actions[:, None]).squeeze(1)
        return -(advantage.detach() * chosen).mean() + advantage.pow(2).mean()


# input: N,9
class DuelingDqn(nn.Module):
    """Dueling DQN (Wang et al. 2016): (N, 1) + (N, A) - (N, 1)."""

    def __init__(self):
        super().__init__()
        self.v, self.a = nn.Linear(9, 1), nn.Linear(9, 6)

    def forward(self, x):
        a = self.a(x)
        return self.v(x) + a - a.mean(1, keepdim=True)


# input: N,9; N
class RankNet(nn.Module):
    """RankNet (Burges et al. 2005): all pairs by None."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 1)

    def forward(self, x, y):
        s = self.net(x).squeeze(1)
        return F.binary_cross_entropy_with_logits(s[:, None] - s[None, :], (y[:, None] > y[None, :]).float())


# input: N,9; N
class TransposedPairs(nn.Module):
    """ListNet-like pairs: scores minus their transpose."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 1)

    def forward(self, x, y):
        s = self.net(x)
        return F.softplus(s - s.t()).mean() + 0 * y.sum()


# input: N,9; N:int64
class SupervisedContrastive(nn.Module):
    """SupCon (Khosla et al. 2020): a mask of equal labels, log sum over the rows with keepdim."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 14)

    def forward(self, x, labels):
        z = F.normalize(self.net(x), dim=1)
        logits = z @ z.t() / 0.1
        logits = logits - logits.max(1, keepdim=True).values.detach()
        labels = labels.view(-1, 1)
        mask = (labels == labels.t()).float()
        log_prob = logits - logits.exp().sum(1, keepdim=True).log()
        return -(mask * log_prob).sum(1).div(mask.sum(1)).mean()


# input: N,9
class PairwiseDistances(nn.Module):
    """Euclidean distances in a metric loss (FaceNet, Schroff et al. 2015), written by hand."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 14)

    def forward(self, x):
        z = self.net(x)
        square = z.pow(2).sum(1)
        return (square.unsqueeze(1) + square.unsqueeze(0) - 2 * z @ z.t()).clamp_min(0)


# input: N,9; N
class RbfMmd(nn.Module):
    """Maximum mean discrepancy (Gretton et al. 2012): a kernel between all samples, by broadcasting."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 1)

    def forward(self, x, t):
        z = self.net(x)
        d = z - z.view(1, -1)
        return (-d.pow(2)).exp().mean() + 0 * t.sum()


# input: N,3,16,16; N,1,16,16
class DiceLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, x, mask):
        p = torch.sigmoid(self.conv(x))
        return 1 - (2 * (p * mask).sum((1, 2, 3)) / (p + mask).sum((1, 2, 3))).mean()


# input: N,9
class HeteroscedasticHead(nn.Module):
    """Mean and variance (Kendall and Gal 2017): (N, 1) against (N, 1)."""

    def __init__(self):
        super().__init__()
        self.mu, self.log_var = nn.Linear(9, 1), nn.Linear(9, 1)

    def forward(self, x):
        mu, log_var = self.mu(x), self.log_var(x)
        return mu / (0.5 * log_var).exp()


# input: N,6,9; N
class SampleWeights(nn.Module):
    """A weight per sample over its steps, with an axis put in on purpose."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(9, 1)

    def forward(self, x, w):
        e = self.net(x).squeeze(-1)
        return (e - w.unsqueeze(1)).mean(1)


# input: N,9; N
class LossAsAModule(nn.Module):
    """nn.MSELoss held by the model."""

    def __init__(self):
        super().__init__()
        self.net, self.loss = nn.Linear(9, 1), nn.MSELoss()

    def forward(self, x, y):
        return self.loss(self.net(x), y)  # LC410


# input: N,3,16,16; N,8
class FilmBias(nn.Module):
    """A bias per channel that lost its axes: (N, C, 1, 1) + (N, C)."""

    def __init__(self):
        super().__init__()
        self.conv, self.bias, self.pool = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 8), nn.AdaptiveAvgPool2d(1)

    def forward(self, x, style):
        pooled = self.pool(self.conv(x))
        return (pooled + self.bias(style)).flatten(1).mean()  # LC410


# input: N,9; N
class LossModuleRight(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.loss = nn.Linear(9, 1), nn.SmoothL1Loss()

    def forward(self, x, y):
        return self.loss(self.net(x).squeeze(1), y)


# input: N,18:int64; N:int64=9
class LastStepOfAll(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.fc = nn.Embedding(40, 12), nn.LSTM(12, 14, batch_first=True), nn.Linear(14, 5)

    def forward(self, tokens, lengths):
        h, _ = self.rnn(self.embed(tokens))
        return self.fc(h[:, lengths - 1])  # LC410


# input: N,18:int64; N:int64=9
class LastStepOfEach(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.fc = nn.Embedding(40, 12), nn.LSTM(12, 14, batch_first=True), nn.Linear(14, 5)

    def forward(self, tokens, lengths):
        h, _ = self.rnn(self.embed(tokens))
        return self.fc(h[torch.arange(len(h)), lengths - 1, :])


# input: N,18:int64; N:int64=9
class LastStepOfDiagonal(nn.Module):
    """Wasteful, and right: each sample's own step is taken from the pairs."""

    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.fc = nn.Embedding(40, 12), nn.LSTM(12, 14, batch_first=True), nn.Linear(14, 5)

    def forward(self, tokens, lengths):
        h, _ = self.rnn(self.embed(tokens))
        return self.fc(h[:, lengths - 1].diagonal().t())


# input: N,9; N:int64=3
class ScoresOfEachOthersItems(nn.Module):
    """In-batch negatives of a recommender: the scores of every user for the items of all."""

    def __init__(self):
        super().__init__()
        self.user, self.items = nn.Linear(9, 14), nn.Embedding(20, 14)

    def forward(self, user, item):
        scores = self.user(user) @ self.items.weight.t()
        return scores[:, item]


# input: N,31; N
class HingeLoss(nn.Module):
    """A linear support vector machine; y is -1 or 1."""

    def __init__(self):
        super().__init__()
        self.score = nn.Linear(31, 1)

    def forward(self, x, y):
        margin = self.score(x)
        return torch.clamp(1 - y * margin, min=0).mean()  # LC410


# input: N,31; N
class HingeLossSqueezed(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(31, 1)

    def forward(self, x, y):
        return torch.clamp(1 - y * self.score(x).squeeze(1), min=0).mean()


# input: N,12; N:int64; N; N
class ClippedPolicy(nn.Module):
    """PPO: the ratio is (N, 1) for want of a squeeze after the gather."""

    def __init__(self):
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 4))

    def forward(self, obs, action, old, advantage):
        ratio = torch.exp(F.log_softmax(self.policy(obs), 1).gather(1, action.unsqueeze(1)) - old.unsqueeze(1))
        return -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()  # LC410


# input: N,12; N
class Accuracy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 1), nn.Sigmoid())

    def forward(self, x, y):
        return (self.net(x).round() == y).float().mean()  # LC410


# input: N,12; N,1:int64; N:int64
class MaskedByLabels(nn.Module):
    """Supervised contrastive learning with the labels as a column and as a row, both given."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(12, 16)

    def forward(self, x, labels, other_labels):
        z = F.normalize(self.net(x), dim=1)
        same = (labels == other_labels).float()
        return -(same * F.log_softmax(z @ z.T / 0.1, dim=1)).sum(1).mean()


# input: N,12; N
class WeighedColumns(nn.Module):
    """(N, 1) times (N, C): a gate for each sample, and weights that got their axis."""

    def __init__(self):
        super().__init__()
        self.gate, self.value, self.out = nn.Linear(12, 1), nn.Linear(12, 9), nn.Linear(9, 1)

    def forward(self, x, weight):
        h = torch.sigmoid(self.gate(x)) * self.value(x)
        return (weight[:, None] * self.out(h)).mean()
