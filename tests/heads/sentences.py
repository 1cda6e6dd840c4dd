"""What the tests of fitting, rows and searches share: sentences that nobody wrote, and what is known of them."""

from tests.toy import toy_texts

TEXTS = toy_texts(400, seed=5)
LENGTHS = [len(text) for text in TEXTS]
WINTER = ["winter" if text.endswith("in winter") else "other" for text in TEXTS]
AUTHORS = [f"author {i % 4}" for i in range(400)]
