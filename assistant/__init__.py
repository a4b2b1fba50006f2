"""A grounded question-answering assistant over a small set of health articles.

It answers only with the articles' own sentences, each an exact slice of a file,
or says plainly that the articles do not answer. It never diagnoses.
"""

__version__ = "0.1.0"
