"""The retriever as a LangChain `BaseRetriever`: `Document`s that know where they lie."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class PassageRetriever(BaseRetriever):
    """Exact passages for a query, the best first.

    A document's text is the article's exact words. Its metadata: `id`, `article`, `section`,
    `start` and `end` (code points, half-open), `rank` from 1, `similarity` (cosine in [-1, 1]) and
    `score` (fused, in [0, 1]).
    """

    retriever: Any
    k: int = 4

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(
                page_content=hit.passage.quote,
                metadata={
                    "id": hit.passage.id,
                    "article": hit.passage.span.article_id,
                    "section": list(hit.passage.section),
                    "start": hit.passage.span.start,
                    "end": hit.passage.span.end,
                    "rank": hit.rank,
                    "similarity": hit.similarity,
                    "score": hit.score,
                },
            )
            for hit in self.retriever.retrieve(query, self.k).hits
        ]
