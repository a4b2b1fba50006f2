"""How well the assistant works: cases, measures, report, the literature's figures, speed.

Reading order: ``cases`` (what is asked and expected) → ``subject`` (what is asked of) →
``scoring`` (one case) → ``figures`` (all cases, with n and an interval) → ``report``.
A test asks whether it works, an eval how well; no language model judges by default.
"""
