"""The cross-encoder: BERT reads question and passage together; the score starts as the bi-encoder's own similarity.

A cross-encoder with a fresh head has to learn relevance from nothing, and a few thousand pairs are too few for that
(measured: it made the order worse). Here the score is the scaled cosine of the two segments' mean vectors, which the
bi-encoder's weights already make useful, plus two linear terms that start at zero. Training can only add to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

START_SCALE = 20.0


class PairScorer(nn.Module):
    """(batch, tokens) ids, mask and token types -> logits (batch,); higher is better."""

    def __init__(self, bert: Any) -> None:
        super().__init__()
        self.bert = bert
        width = bert.config.hidden_size
        self.scale = nn.Parameter(torch.tensor(START_SCALE))
        self.first_token = nn.Linear(width, 1)
        self.product = nn.Linear(width, 1, bias=False)
        for zeroed in (self.first_token.weight, self.first_token.bias, self.product.weight):
            nn.init.zeros_(zeroed)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        hidden = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        passage = (attention_mask * token_type_ids).unsqueeze(-1).to(hidden.dtype)
        question = (attention_mask * (1 - token_type_ids)).unsqueeze(-1).to(hidden.dtype)
        left, right = _unit_mean(hidden, question), _unit_mean(hidden, passage)
        product = left * right
        score = self.scale * product.sum(dim=1, keepdim=True) + self.product(product) + self.first_token(hidden[:, 0])
        return score.squeeze(-1)


def _unit_mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
    return nn.functional.normalize(mean, p=2.0, dim=1)


def from_bi_encoder(source: Path, *, attention: str = "sdpa") -> PairScorer:
    """A scorer that starts from a sentence-transformers model on disk.

    The bi-encoder never saw token type 1, so its embedding is replaced by that of type 0 plus a trained difference of 0.
    """
    from transformers import AutoModel

    bert = AutoModel.from_pretrained(str(source), local_files_only=True, attn_implementation=attention)
    types = bert.embeddings.token_type_embeddings.weight.data
    types[1] = types[0]
    return PairScorer(bert)


def freeze_lower(model: PairScorer, layers: int) -> None:
    """Embeddings and the lowest layers stay as they are: cheaper steps, and less to unlearn from few pairs."""
    for part in (model.bert.embeddings, *model.bert.encoder.layer[:layers]):
        for parameter in part.parameters():
            parameter.requires_grad_(False)
