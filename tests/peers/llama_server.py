"""Runs llama.cpp's HTTP server on the model of tiny_model.py until stdin closes or SIGTERM comes.

Prints `ready http://127.0.0.1:PORT/v1` on stdout once it answers; its log goes to stderr.
"""

import argparse
import os
import signal
import sys
import tempfile

import xllamacpp

import tiny_model


def parameters(model, options):
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {options.name}
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    params.n_ctx = tiny_model.CONTEXT
    params.n_predict = 64  # a random model may never end by itself
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 4
    params.n_parallel = 1
    params.sampling.seed = tiny_model.SEED
    # A prompt read from the cache is computed in other batches, which rounds differently.
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.warmup = False
    params.ui = False
    if options.embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return params


def main():
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--port", type=int, default=0, help="0 takes a free one")
    flags.add_argument("--name", default="tiny", help="the model name it answers to")
    flags.add_argument("--embeddings", action="store_true", help="serve embeddings too")
    options = flags.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "tiny.gguf")
        tiny_model.write(model)
        server = xllamacpp.Server(parameters(model, options))  # returns once the model answers
        # The library sets signal handlers of its own, so ours comes after it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print(f"ready {server.listening_address}/v1", flush=True)
        while sys.stdin.buffer.read(4096):
            pass


if __name__ == "__main__":
    main()
