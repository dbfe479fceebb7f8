"""The network of recipes/word-lm-wikitext2.toml, trained in the same way with PyTorch.

    python3 bench/language_model_pytorch.py TRAIN TEST [--epochs N] [--min-count N] …

Prints the test's perplexity at the end. The words, their numbers, the streams, what is held
back, the schedule and the size of the gradient are as Striate has them; first weights and dropout
are drawn by PyTorch.
"""
import argparse
import collections
import math
import time

import torch
from torch import nn


def words(path):
    result = []
    for line in open(path, encoding="utf-8").read().split("\n")[:-1]:
        result += line.split() + ["<eos>"]
    return result


class Model(nn.Module):
    def __init__(self, symbols, hidden, layers, dropout):
        super().__init__()
        self.embedding = nn.Embedding(symbols, hidden)
        self.recurrent = nn.LSTM(hidden, hidden, layers, dropout=dropout)
        self.decoder = nn.Linear(hidden, symbols)
        self.decoder.weight = self.embedding.weight  # tied
        self.drop = nn.Dropout(dropout)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)
        # Striate has one bias a gate.
        for name, parameter in self.recurrent.named_parameters():
            if name.startswith("bias_hh"):
                parameter.data.zero_()
                parameter.requires_grad = False

    def forward(self, x, state):
        y, state = self.recurrent(self.drop(self.embedding(x)), state)
        return self.decoder(self.drop(y)), state


def streams(ids, count):
    length = (len(ids) - 1) // count
    cut = lambda first: ids[first : first + length * count].view(count, length).t().contiguous()
    return cut(0), cut(1)


def judge(model, ids, count=20, steps=64):
    model.eval()
    x, y = streams(ids, count)
    state, total = None, 0.0
    with torch.no_grad():
        for t in range(0, len(x), steps):
            scores, state = model(x[t : t + steps], state)
            flat = y[t : t + steps].reshape(-1)
            total += nn.functional.cross_entropy(
                scores.reshape(len(flat), -1), flat, reduction="sum").item()
    model.train()
    return total / x.numel()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--min-count", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.4)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.003)
    parser.add_argument("--minimum", type=float, default=0.02)
    parser.add_argument("--clip", type=float, default=0.25)
    parser.add_argument("--validation", type=float, default=0.05)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, test = words(args.train), words(args.test)
    counts = collections.Counter(train)
    known = [w for w, n in counts.items() if n >= args.min_count]
    known += [] if "<unk>" in known else ["<unk>"]
    number = {w: i for i, w in enumerate(known)}
    ids = lambda text: torch.tensor([number.get(w, number["<unk>"]) for w in text])
    train, test = ids(train), ids(test)
    train = train[: args.limit or len(train)]
    train = train[: len(train) - int(args.validation * len(train))]
    model = Model(len(known), args.hidden, args.layers, args.dropout)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=args.lr)
    x, y = streams(train, args.batch)
    per_epoch = (len(x) + args.steps - 1) // args.steps
    total = per_epoch * args.epochs
    step = 0
    for epoch in range(1, args.epochs + 1):
        begin, state, loss_sum = time.time(), None, 0.0
        for t in range(0, len(x), args.steps):
            share = step / total
            factor = args.minimum + (1 - args.minimum) * 0.5 * (1 + math.cos(math.pi * share))
            for group in optimizer.param_groups:
                group["lr"] = args.lr * factor
            if state is not None:
                state = tuple(s.detach() for s in state)
            scores, state = model(x[t : t + args.steps], state)
            flat = y[t : t + args.steps].reshape(-1)
            loss = nn.functional.cross_entropy(scores.reshape(len(flat), -1), flat)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), args.clip)
            optimizer.step()
            loss_sum += loss.item() * len(flat)
            step += 1
        seconds = time.time() - begin
        print(f"epoch {epoch}/{args.epochs}  loss {loss_sum / x.numel():.4f}  "
              f"{x.numel() / seconds:.0f} words/s  {seconds:.0f} s", flush=True)
    print(f"test perplexity {math.exp(judge(model, test)):.2f}")


if __name__ == "__main__":
    main()
