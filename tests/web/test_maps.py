import numpy as np
import pytest
import torch

from latentopt.heads import Rows, fit_head
from latentopt.web.controls import OneOf, Value
from latentopt.web.maps import draw_map, encoded
from tests.toy import toy_space, toy_texts


def test_texts_are_coloured_by_what_is_shown_of_them(corpus):
    """Head and reader, stacked, as everywhere else on the page."""
    space, texts = toy_space(), toy_texts(300)
    z = space.pooled(space.encode(texts)).double().numpy()
    lengths = np.array([float(len(text)) for text in texts])
    length = fit_head(Rows(z, texts, lengths))
    tone = fit_head(Rows(z, texts, np.where(lengths > np.median(lengths), "long", "brief").astype(object)))
    parts = list(encoded(space, corpus, [Value("length", length), OneOf("tone", tone)]))
    drawn = draw_map(space, corpus, parts)
    of_corpus, of_z = corpus.frame["text"].tolist(), torch.cat([part.z for part in parts])
    assert drawn.values["seen"] == corpus.frame["seen"].tolist()
    assert drawn.values["length"] == pytest.approx(length.stacked.predict(of_z, of_corpus))
    assert drawn.values["length"] != pytest.approx(length.head.predict(of_z.double().numpy()), rel=1e-3)
    (name,) = drawn.values.keys() - {"seen", "length"}
    assert drawn.values[name] == pytest.approx(tone.stacked.for_class("long").predict(of_z, of_corpus))
