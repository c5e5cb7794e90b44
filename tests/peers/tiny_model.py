"""Writes a llama model of about 0.5 MB with random weights: nonsense, but the same nonsense each time.

    tiny_model.py OUT.gguf
"""

import string
import sys

import gguf
import numpy as np

SEED = 20
WIDTH, HEADS, LAYERS, FEED_FORWARD, CONTEXT = 64, 4, 2, 128, 2048

# SentencePiece vocabulary: "\u2581" stands for a space. A few pieces outside ASCII
# make the answers hold UTF-8 sequences of two, three and four bytes.
WORDS = ["\u2581the", "\u2581gate", "\u2581water", "\u2581river", "\u2581opens", "\u00e9", "\u6c34", "\U0001f30a"]
CHARACTERS = ["\u2581"] + [c for c in string.printable if c > " "]

TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


def vocabulary():
    """Tokens as (text, score, type); byte tokens let any input be tokenized."""
    kind = gguf.TokenType
    yield "<unk>", 0.0, kind.UNKNOWN
    yield "<s>", 0.0, kind.CONTROL
    yield "</s>", 0.0, kind.CONTROL
    for byte in range(256):
        yield f"<0x{byte:02X}>", 0.0, kind.BYTE
    for rank, text in enumerate(WORDS + CHARACTERS):
        yield text, -float(rank), kind.NORMAL


def write(path):
    """Writes the model to `path`."""
    texts, scores, types = zip(*vocabulary())
    random = np.random.default_rng(SEED)

    out = gguf.GGUFWriter(path, "llama")
    out.add_name("tiny")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(FEED_FORWARD)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_vocab_size(len(texts))
    out.add_tokenizer_model("llama")
    out.add_token_list(texts)
    out.add_token_scores(scores)
    out.add_token_types(types)
    out.add_unk_token_id(0)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_chat_template(TEMPLATE)

    def add(name, *shape):
        out.add_tensor(name, random.standard_normal(shape, dtype=np.float32) * 0.2)

    def add_norm(name):
        out.add_tensor(name, np.ones(WIDTH, dtype=np.float32))

    add("token_embd.weight", len(texts), WIDTH)
    add_norm("output_norm.weight")
    head = random.standard_normal((len(texts), WIDTH), dtype=np.float32)
    # Raw bytes and control tokens stay below the best word: answers are valid UTF-8.
    head[[t != gguf.TokenType.NORMAL for t in types]] = 0
    out.add_tensor("output.weight", head)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        add_norm(f"{block}.attn_norm.weight")
        for part in ("q", "k", "v", "output"):
            add(f"{block}.attn_{part}.weight", WIDTH, WIDTH)
        add_norm(f"{block}.ffn_norm.weight")
        add(f"{block}.ffn_gate.weight", FEED_FORWARD, WIDTH)
        add(f"{block}.ffn_up.weight", FEED_FORWARD, WIDTH)
        add(f"{block}.ffn_down.weight", WIDTH, FEED_FORWARD)

    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    write(sys.argv[1])
