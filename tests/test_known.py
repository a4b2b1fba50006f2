"""The regression over what is known: its closed form, and many messages at once."""

from __future__ import annotations

import numpy as np

from assistant.known import Known, gaussian, ridge

RNG = np.random.default_rng(5)
VECTORS = RNG.standard_normal((30, 8)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
TARGETS = RNG.standard_normal((30, 3)).astype(np.float32)
PENALTY = 0.3


def test_a_left_out_score_is_that_of_a_fit_without_the_text() -> None:
    kernel = gaussian(VECTORS @ VECTORS.T)
    _, left_out, biases = ridge(kernel.copy(), TARGETS, PENALTY)
    for row in range(len(VECTORS)):
        others = np.delete(np.arange(len(VECTORS)), row)
        regularised = kernel[np.ix_(others, others)] + PENALTY * np.eye(len(others))
        alphas = np.linalg.solve(regularised, TARGETS[others] - biases)
        assert np.allclose(kernel[row, others] @ alphas + biases, left_out[row], atol=1e-3)


def test_many_messages_are_judged_as_each_by_itself() -> None:
    questions, topics = VECTORS[:20], VECTORS[20:]
    alphas, _, biases = ridge(gaussian(VECTORS @ VECTORS.T), TARGETS, PENALTY)
    known = Known(topics, alphas, biases, np.array([4]), 6)
    messages = VECTORS[::7]
    together = known.resemble(messages, messages @ questions.T)
    for message, found in zip(messages, together, strict=True):
        (alone,) = known.resemble(message[None], message[None] @ questions.T)
        expected = gaussian(VECTORS @ message) @ alphas + biases
        assert np.allclose([found.answered, found.other, found.passages[4]], expected, atol=1e-4)
        assert np.allclose(alone.passages, found.passages, atol=1e-6)
        assert not np.delete(found.passages, 4).any()
