"""Random networks that judge images by captions, in the files of the published ones."""

import json

import torch
from tiny_clip import save_tiny_clip

WIDTH, WORDS = 64, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"]


def save_tiny_pick_score(weights) -> None:
    save_tiny_clip(weights / "yuvalkirstain" / "PickScore_v1")


def tiny_image_reward() -> dict[str, torch.Tensor]:
    """Random weights of one layer each, under the names of ImageReward's authors."""
    import transformers  # noqa: PLC0415 - optional

    sizes = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1}
    sizes["num_attention_heads"] = 1
    text = transformers.BlipTextConfig(
        **sizes, encoder_hidden_size=WIDTH, vocab_size=len(WORDS), bos_token_id=None,
        eos_token_id=None, sep_token_id=None, max_position_embeddings=40,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = transformers.BlipTextModel(text, add_pooling_layer=False)
        state = {f"blip.text_encoder.{k}": torch.randn_like(x) / 5
                 for k, x in model.state_dict().items()}  # fmt: skip
        shapes = {
            "cls_token": (1, 1, WIDTH), "pos_embed": (1, 5, WIDTH),
            "patch_embed.proj.weight": (WIDTH, 3, 8, 8), "patch_embed.proj.bias": (WIDTH,),
            "blocks.0.norm1.weight": (WIDTH,), "blocks.0.norm1.bias": (WIDTH,),
            "blocks.0.attn.qkv.weight": (3 * WIDTH, WIDTH), "blocks.0.attn.qkv.bias": (3 * WIDTH,),
            "blocks.0.attn.proj.weight": (WIDTH, WIDTH), "blocks.0.attn.proj.bias": (WIDTH,),
            "blocks.0.norm2.weight": (WIDTH,), "blocks.0.norm2.bias": (WIDTH,),
            "blocks.0.mlp.fc1.weight": (32, WIDTH), "blocks.0.mlp.fc1.bias": (32,),
            "blocks.0.mlp.fc2.weight": (WIDTH, 32), "blocks.0.mlp.fc2.bias": (WIDTH,),
            "norm.weight": (WIDTH,), "norm.bias": (WIDTH,),
        }  # fmt: skip
        state |= {f"blip.visual_encoder.{k}": torch.randn(s) / 5 for k, s in shapes.items()}
        for place, (rows, columns) in {0: (8, WIDTH), 2: (4, 8), 4: (1, 4)}.items():
            state[f"mlp.layers.{place}.weight"] = torch.randn(rows, columns) / 2
            state[f"mlp.layers.{place}.bias"] = torch.randn(rows)
    state["blip.text_encoder.embeddings.position_ids"] = torch.arange(40)[None]
    return state


def save_tiny_image_reward(weights) -> dict[str, torch.Tensor]:
    state, folder = tiny_image_reward(), weights / "zai-org" / "ImageReward"
    folder.mkdir(parents=True)
    torch.save(state, folder / "ImageReward.pt")
    tokenizer = weights / "google-bert" / "bert-base-uncased"
    tokenizer.mkdir(parents=True)
    (tokenizer / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (tokenizer / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    return state


def _word_tokenizer(words: list[str]):
    """One token a word, in transformers' general class."""
    import tokenizers  # noqa: PLC0415 - optional
    import transformers  # noqa: PLC0415 - optional

    model = tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="</s>",
        bos_token="<s>", model_max_length=64,
    )  # fmt: skip


VQA_WORDS = "<pad> </s> <s> <unk> Yes a b show figure this Does answer".split()


def save_tiny_vqa(folder, kind: str) -> None:
    """A network of transformers that answers questions: instructblip, blip-2 or llava."""
    import transformers as t  # noqa: PLC0415 - optional

    words = _word_tokenizer(VQA_WORDS)
    processor = t.BlipImageProcessor(size={"height": 16, "width": 16})
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    vision |= {"num_attention_heads": 2, "image_size": 16, "patch_size": 8}
    qformer = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    qformer |= {"num_attention_heads": 2, "encoder_hidden_size": 16, "vocab_size": 20}
    t5 = {"model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1}
    t5 |= {"num_heads": 2, "vocab_size": 20, "decoder_start_token_id": 0}
    llama = {"model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "vocab_size": 20}
    llama |= {"num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "llava":
            words.add_tokens(["<image>"], special_tokens=True)
            config = t.LlavaConfig(
                vision_config={"model_type": "clip_vision_model", **vision},
                text_config=llama, image_token_id=len(VQA_WORDS),
                vision_feature_layer=-1,
            )  # fmt: skip
            model = t.LlavaForConditionalGeneration(config)
            processor = t.CLIPImageProcessor(
                size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
            )
            all_ = t.LlavaProcessor(
                processor, words, patch_size=8, vision_feature_select_strategy="default",
                num_additional_image_tokens=1,
            )  # fmt: skip
        else:
            blip = "InstructBlip" if kind == "instructblip" else "Blip2"
            config = getattr(t, f"{blip}Config")(
                vision_config=vision, qformer_config=qformer, text_config=t5, num_query_tokens=3,
                image_token_index=len(VQA_WORDS), image_token_id=len(VQA_WORDS),
            )  # fmt: skip
            model = getattr(t, f"{blip}ForConditionalGeneration")(config)
            further = [_word_tokenizer(VQA_WORDS)] if kind == "instructblip" else []
            all_ = getattr(t, f"{blip}Processor")(processor, words, *further, num_query_tokens=3)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.4)
        model.save_pretrained(folder)
        all_.save_pretrained(folder)
