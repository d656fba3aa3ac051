"""Builds the models of the table of node counts from architectures of torchvision and transformers and from small ones
written here, with seeded random weights, and exports them as ONNX files.

    python3 compiler-core/test/tables/make-models.py [-o FOLDER] [NAME ...]        --list prints the names

The folder is $GRAPHWRIGHT_MODELS, else node_modules/.cache/graphwright-models of this repository (about 2 GB; outside git).
A file that is there is kept. Needs Python with torch, torchvision, transformers, onnx and onnxscript; nothing is downloaded.
"torchscript" is the older exporter, which leaves shape arithmetic in the graph, "dynamo" the newer one. Depths are those of
the architecture that a model is named after; widths of most transformers are smaller, which changes no count.
Equal weights would let tools merge what is not equal: parameters that a library initializes to one value are spread.
"""
import argparse
import os
import pathlib
import sys
import warnings
import zlib

root = pathlib.Path(__file__).resolve().parents[3]
default_folder = os.environ.get("GRAPHWRIGHT_MODELS") or str(root / "node_modules/.cache/graphwright-models")


def spread(model):
    """No parameter keeps one value for all of its elements; variances stay positive."""
    import torch
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if not value.is_floating_point() or value.numel() < 2 or value.detach().min() != value.detach().max():
            continue
        with torch.no_grad():
            value.add_(torch.rand_like(value) * 0.5 if name.endswith("running_var") else torch.randn_like(value) * 0.1)
    return model.eval()


def vision(name, size=224):
    def build():
        import torch
        import torchvision
        return getattr(torchvision.models, name)(weights=None), (torch.randn(1, 3, size, size),)
    return build


def transformer(config_name, model_name, inputs, pick, **settings):
    """A model of transformers that returns one tensor, `pick` of its result."""
    def build():
        import torch
        import transformers
        config = getattr(transformers, config_name)(**settings)
        inner = getattr(transformers, model_name)(config)

        class Wrapped(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = inner

            def forward(self, *values):
                return getattr(self.inner(**dict(zip(inputs(torch), values)), **({"use_cache": False} if hasattr(config, "use_cache") else {})), pick)
        return Wrapped(), tuple(inputs(torch).values())
    return build


def text(batch=2, length=16, mask=True, token_types=False):
    def inputs(torch):
        values = {"input_ids": torch.randint(1, 500, (batch, length), generator=torch.Generator().manual_seed(1))}
        if mask:
            values["attention_mask"] = torch.ones(batch, length, dtype=torch.int64)
        if token_types:
            values["token_type_ids"] = torch.zeros(batch, length, dtype=torch.int64)
        return values
    return inputs


pixels = lambda size: lambda torch: {"pixel_values": torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))}
mel = lambda torch: {"input_features": torch.randn(1, 80, 200, generator=torch.Generator().manual_seed(1))}


def yolo():
    """A detector with C2f blocks, SPPF, a pyramid of features and a head that decodes boxes from distributions."""
    import torch
    from torch import nn
    nn_functional = torch.nn.functional

    class Unit(nn.Module):
        def __init__(self, a, b, k=1, s=1):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(a, b, k, s, k // 2, bias=False), nn.BatchNorm2d(b)

        def forward(self, x):
            return nn_functional.silu(self.norm(self.conv(x)))

    class Split(nn.Module):
        def __init__(self, a, b, n, shortcut):
            super().__init__()
            self.half, self.shortcut = b // 2, shortcut
            self.first, self.last = Unit(a, b), Unit((2 + n) * (b // 2), b)
            self.units = nn.ModuleList([nn.Sequential(Unit(b // 2, b // 2, 3), Unit(b // 2, b // 2, 3)) for _ in range(n)])

        def forward(self, x):
            parts = list(self.first(x).chunk(2, 1))
            for unit in self.units:
                parts.append(parts[-1] + unit(parts[-1]) if self.shortcut else unit(parts[-1]))
            return self.last(torch.cat(parts, 1))

    class Pools(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.first, self.last, self.pool = Unit(c, c // 2), Unit(2 * c, c), nn.MaxPool2d(5, 1, 2)

        def forward(self, x):
            parts = [self.first(x)]
            for _ in range(3):
                parts.append(self.pool(parts[-1]))
            return self.last(torch.cat(parts, 1))

    class Detect(nn.Module):
        def __init__(self, widths, classes=20, bins=16):
            super().__init__()
            self.classes, self.bins = classes, bins
            self.boxes = nn.ModuleList([nn.Sequential(Unit(w, 64, 3), Unit(64, 64, 3), nn.Conv2d(64, 4 * bins, 1)) for w in widths])
            self.kinds = nn.ModuleList([nn.Sequential(Unit(w, 64, 3), Unit(64, 64, 3), nn.Conv2d(64, classes, 1)) for w in widths])
            self.project = nn.Conv2d(bins, 1, 1, bias=False)

        def forward(self, levels):
            batch = levels[0].shape[0]
            joined = torch.cat([torch.cat((box(x), kind(x)), 1).view(batch, 4 * self.bins + self.classes, -1) for x, box, kind in zip(levels, self.boxes, self.kinds)], 2)
            anchors, strides = [], []
            for x, stride in zip(levels, (8, 16, 32)):
                height, width = x.shape[-2:]
                sy, sx = torch.meshgrid(torch.arange(height).float() + 0.5, torch.arange(width).float() + 0.5, indexing="ij")
                anchors.append(torch.stack((sx, sy), -1).view(-1, 2))
                strides.append(torch.full((height * width, 1), float(stride)))
            anchors, strides = torch.cat(anchors).transpose(0, 1), torch.cat(strides).transpose(0, 1)
            box, kind = joined.split((4 * self.bins, self.classes), 1)
            distance = self.project(box.view(batch, 4, self.bins, -1).transpose(2, 1).softmax(1)).view(batch, 4, -1)
            low, high = distance.chunk(2, 1)
            a, b = anchors.unsqueeze(0) - low, anchors.unsqueeze(0) + high
            return torch.cat((torch.cat(((a + b) / 2, b - a), 1) * strides, kind.sigmoid()), 1)

    class Detector(nn.Module):
        def __init__(self, w=(16, 32, 64, 128, 256)):
            super().__init__()
            self.stem = nn.Sequential(Unit(3, w[0], 3, 2), Unit(w[0], w[1], 3, 2), Split(w[1], w[1], 1, True))
            self.p3 = nn.Sequential(Unit(w[1], w[2], 3, 2), Split(w[2], w[2], 2, True))
            self.p4 = nn.Sequential(Unit(w[2], w[3], 3, 2), Split(w[3], w[3], 2, True))
            self.p5 = nn.Sequential(Unit(w[3], w[4], 3, 2), Split(w[4], w[4], 1, True), Pools(w[4]))
            self.up = nn.Upsample(scale_factor=2, mode="nearest")
            self.n4, self.n3 = Split(w[4] + w[3], w[3], 1, False), Split(w[3] + w[2], w[2], 1, False)
            self.d3, self.d4 = Unit(w[2], w[2], 3, 2), Unit(w[3], w[3], 3, 2)
            self.m4, self.m5 = Split(w[2] + w[3], w[3], 1, False), Split(w[3] + w[4], w[4], 1, False)
            self.detect = Detect((w[2], w[3], w[4]))

        def forward(self, x):
            p3 = self.p3(self.stem(x))
            p4 = self.p4(p3)
            p5 = self.p5(p4)
            n4 = self.n4(torch.cat((self.up(p5), p4), 1))
            n3 = self.n3(torch.cat((self.up(n4), p3), 1))
            m4 = self.m4(torch.cat((self.d3(n3), n4), 1))
            return self.detect([n3, m4, self.m5(torch.cat((self.d4(m4), p5), 1))])

    return Detector(), (torch.randn(1, 3, 256, 256),)


def unet():
    """Double convolutions down and up with transposed convolutions, padding what does not fit."""
    import torch
    from torch import nn

    def double(a, b):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())

    class Net(nn.Module):
        def __init__(self, widths=(16, 32, 64, 128, 256)):
            super().__init__()
            self.down = nn.ModuleList([double(a, b) for a, b in zip((3, *widths), widths)])
            self.pool = nn.MaxPool2d(2)
            self.up = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(widths, widths[1:])])
            self.join = nn.ModuleList([double(2 * a, a) for a in widths[:-1]])
            self.last = nn.Conv2d(widths[0], 2, 1)

        def forward(self, x):
            kept = []
            for i, block in enumerate(self.down):
                x = block(x if i == 0 else self.pool(x))
                kept.append(x)
            for i in reversed(range(len(self.up))):
                x, skip = self.up[i](x), kept[i]
                dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
                x = nn.functional.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
                x = self.join[i](torch.cat([skip, x], 1))
            return self.last(x)

    return Net(), (torch.randn(1, 3, 128, 128),)


def tagger():
    """Embedding, two bidirectional LSTM layers, and a projection for each position."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm, self.last = nn.Embedding(500, 64), nn.LSTM(64, 96, 2, batch_first=True, bidirectional=True), nn.Linear(192, 12)

        def forward(self, tokens):
            return torch.log_softmax(self.last(self.lstm(self.embed(tokens))[0]), -1)

    return Net(), (torch.randint(1, 500, (2, 16)),)


small_text = dict(vocab_size=500, hidden_size=96, num_attention_heads=4, intermediate_size=192)
bert_base = transformer("BertConfig", "BertModel", text(token_types=True), "last_hidden_state")
bert = transformer("BertConfig", "BertModel", text(), "last_hidden_state", num_hidden_layers=12, attn_implementation="eager", **small_text)
distilbert = transformer("DistilBertConfig", "DistilBertModel", text(), "last_hidden_state", vocab_size=500, dim=96, n_heads=4, hidden_dim=192, n_layers=6)
gpt2 = transformer("GPT2Config", "GPT2LMHeadModel", text(mask=False), "logits", vocab_size=500, n_embd=96, n_layer=12, n_head=4)
gpt2_masked = transformer("GPT2Config", "GPT2LMHeadModel", text(), "logits", vocab_size=500, n_embd=96, n_layer=12, n_head=4, attn_implementation="eager")
t5 = transformer("T5Config", "T5EncoderModel", text(mask=False), "last_hidden_state", vocab_size=500, d_model=96, d_kv=24, d_ff=192, num_layers=6, num_heads=4)
whisper_config = dict(d_model=96, encoder_layers=6, encoder_attention_heads=4, encoder_ffn_dim=192, decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=96, max_source_positions=100, vocab_size=500, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None)
llama = transformer("LlamaConfig", "LlamaForCausalLM", text(mask=False), "logits", num_hidden_layers=8, num_key_value_heads=2, **small_text)
llama_masked = transformer("LlamaConfig", "LlamaForCausalLM", text(), "logits", num_hidden_layers=8, num_key_value_heads=2, **small_text)
vit = transformer("ViTConfig", "ViTModel", pixels(224), "last_hidden_state", hidden_size=96, num_hidden_layers=12, num_attention_heads=4, intermediate_size=192)
segformer = transformer("SegformerConfig", "SegformerForSemanticSegmentation", pixels(128), "logits")


def whisper():
    import torch
    import transformers
    inner = transformers.WhisperModel(transformers.WhisperConfig(**whisper_config)).encoder

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x).last_hidden_state
    return Wrapped(), tuple(mel(torch).values())


batch = {0: "batch"}
text_axes = {0: "batch", 1: "sequence"}

# name: builder, exporter, operator set, dynamic axes of each input
models = {
    "resnet50-torch": (vision("resnet50"), "torchscript", 13, None),
    "mobilenet-v2": (vision("mobilenet_v2"), "torchscript", 11, None),
    "mobilenet-v3-large": (vision("mobilenet_v3_large"), "torchscript", 13, None),
    "efficientnet-b0": (vision("efficientnet_b0"), "torchscript", 17, None),
    "shufflenet-v2": (vision("shufflenet_v2_x1_0"), "torchscript", 11, None),
    "shufflenet-v2-dynamic": (vision("shufflenet_v2_x1_0"), "torchscript", 17, [batch]),
    "densenet121-torch": (vision("densenet121"), "torchscript", 13, None),
    "convnext-tiny": (vision("convnext_tiny"), "torchscript", 17, None),
    "swin-t": (vision("swin_t"), "torchscript", 17, None),
    "vit-b-16": (vision("vit_b_16"), "torchscript", 17, [batch]),
    "yolo-like": (yolo, "torchscript", 12, None),
    "yolo-like-dynamic": (yolo, "torchscript", 17, [{0: "batch", 2: "height", 3: "width"}]),
    "unet-like": (unet, "torchscript", 11, None),
    "unet-like-dynamic": (unet, "torchscript", 17, [{0: "batch", 2: "height", 3: "width"}]),
    "segformer-b0": (segformer, "torchscript", 14, None),
    "bert-base": (bert_base, "torchscript", 17, [text_axes, text_axes, text_axes]),
    "bert-eager": (bert, "torchscript", 13, None),
    "distilbert": (distilbert, "torchscript", 14, [text_axes, text_axes]),
    "gpt2-like": (gpt2_masked, "torchscript", 13, [text_axes, text_axes]),
    "t5-encoder-like": (t5, "torchscript", 14, [text_axes]),
    "whisper-encoder-like": (whisper, "torchscript", 17, [batch]),
    "llama-like": (llama_masked, "torchscript", 17, None),
    "vit-like": (vit, "torchscript", 17, None),
    "lstm-tagger": (tagger, "torchscript", 17, [text_axes]),
    "mobilenet-v2-dynamo": (vision("mobilenet_v2"), "dynamo", 18, [batch]),
    "efficientnet-b0-dynamo": (vision("efficientnet_b0"), "dynamo", 20, None),
    "convnext-tiny-dynamo": (vision("convnext_tiny"), "dynamo", 20, None),
    "swin-t-dynamo": (vision("swin_t"), "dynamo", 18, None),
    "yolo-like-dynamo": (yolo, "dynamo", 18, None),
    "unet-like-dynamo": (unet, "dynamo", 20, None),
    "segformer-b0-dynamo": (segformer, "dynamo", 18, None),
    "bert-dynamo": (bert, "dynamo", 18, [text_axes, text_axes]),
    "distilbert-dynamo": (distilbert, "dynamo", 20, None),
    "gpt2-like-dynamo": (gpt2, "dynamo", 20, [text_axes]),
    "t5-encoder-dynamo": (t5, "dynamo", 18, None),
    "whisper-encoder-dynamo": (whisper, "dynamo", 20, None),
    "llama-like-dynamo": (llama, "dynamo", 20, [text_axes]),
    "vit-like-dynamo": (vit, "dynamo", 18, [batch]),
    "lstm-tagger-dynamo": (tagger, "dynamo", 20, None),
}


def make(name, folder):
    """Path of the model's file, made where it is missing."""
    path = pathlib.Path(folder) / f"{name}.onnx"
    if path.exists():
        return path
    import torch
    build, exporter, opset, axes = models[name]
    # The exporters do not know the operator that holds a whole attention block.
    torch.backends.mha.set_fastpath_enabled(False)
    torch.manual_seed(zlib.crc32(name.encode()))
    model, inputs = build()
    spread(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    names = [f"input_{i}" for i in range(len(inputs))] if len(inputs) > 1 else ["input"]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if exporter == "torchscript":
            torch.onnx.export(model, inputs, str(partial), opset_version=opset, dynamo=False, input_names=names, output_names=["output"], dynamic_axes=None if axes is None else dict(zip(names, axes)))
        else:
            dims = {}
            shapes = None if axes is None else tuple({i: dims.setdefault(n, torch.export.Dim.DYNAMIC) for i, n in axis.items()} for axis in axes)
            # A module that takes any number of arguments gets their shapes as one.
            if shapes is not None and "values" in model.forward.__code__.co_varnames[:2]:
                shapes = (shapes,)
            torch.onnx.export(model, inputs, str(partial), opset_version=opset, dynamo=True, external_data=False, input_names=names, output_names=["output"], dynamic_shapes=shapes, verbose=False)
    partial.rename(path)
    return path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default=default_folder)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(models))
        return
    failed = 0
    for name in arguments.names or models:
        if name not in models:
            sys.exit(f"unknown model {name}; known: {', '.join(models)}")
        try:
            print(make(name, arguments.o), flush=True)
        except Exception as error:
            failed += 1
            print(f"{name} failed: {type(error).__name__}: {str(error).strip().splitlines()[:3]}", file=sys.stderr, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
