"""One contender of compare.py: a PyTorch model that does training steps when it is told to.

Reads numbers from standard input; for each, does so many steps and prints the seconds that they took. The model's own code is
the peer's (its model.py, fetched by whoever compares); what is here is the loop around it: forward, backward, clipping by the
global norm, AdamW, on random tokens that are made beforehand.
"""
import argparse
import contextlib
import importlib.util
import sys
import time

import torch

SHAPES = {  # layers, heads, width, context, rows, vocabulary
    "XS": (2, 2, 64, 64, 64, 512),
    "S": (4, 4, 128, 128, 32, 4096),
    "M": (6, 6, 384, 256, 16, 8192),
}


def module_of(path):
    spec = importlib.util.spec_from_file_location("peer_model", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["peer_model"] = module
    spec.loader.exec_module(module)
    return module


def hidden_width(width):  # as fader has it
    return (8 * width // 3 + 7) // 8 * 8


def make(peer, path, shape):
    layers, heads, width, context, rows, vocabulary = SHAPES[shape]
    module = module_of(path)
    if peer == "nanogpt":
        return module.GPT(module.GPTConfig(block_size=context, vocab_size=vocabulary, n_layer=layers, n_head=heads, n_embd=width,
                                           dropout=0.0, bias=False))
    return module.Transformer(module.ModelArgs(dim=width, n_layers=layers, n_heads=heads, n_kv_heads=heads, vocab_size=vocabulary,
                                               hidden_dim=hidden_width(width), max_seq_len=context, dropout=0.0))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("peer", choices=["nanogpt", "llama2c"])
    options.add_argument("path", help="the peer's model.py")
    options.add_argument("--shape", choices=SHAPES, default="S")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options.add_argument("--compile", action="store_true")
    o = options.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    _, _, _, context, rows, vocabulary = SHAPES[o.shape]
    with contextlib.redirect_stdout(sys.stderr):  # the peers talk
        model = make(o.peer, o.path, o.shape)
        optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.95), "cpu")
    parameters = sum(p.numel() for p in model.parameters())
    step_model = torch.compile(model) if o.compile else model
    tokens = torch.randint(vocabulary, (8, rows, context + 1))
    count = 0

    def step():
        nonlocal count
        batch = tokens[count % len(tokens)]
        count += 1
        x, y = batch[:, :-1].contiguous(), batch[:, 1:].contiguous()
        cast = torch.autocast("cpu", torch.bfloat16) if o.dtype == "bfloat16" else contextlib.nullcontext()
        with cast:
            out = step_model(x, y)
        loss = out[1] if o.peer == "nanogpt" else model.last_loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    for _ in range(3):
        step()
    print("ready", parameters, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
