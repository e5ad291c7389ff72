"""The knowledge base of an installation: text in its SQL, index beside it, starter articles at the first start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from appliance.config import Config
from appliance.errors import ConfigInvalid, NotFound
from appliance.store.articles import SqlArticles
from appliance.store.database import Database
from appliance.store.settings import SqlSettings
from kb.article import Candidate, Visibility
from kb.ingest import ImportReport, Progress, approve, import_articles, rebuild, remove, silent
from kb.search import Search
from kb.store import LanceIndex
from kb.tongue import Tongue
from models.roles import Encoder, Vector

_log = logging.getLogger(__name__)
_STARTER = "starter"
_STARTER_SETTING = "starter_profile"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Import, search and rebuild on one data directory."""

    articles: SqlArticles
    index: LanceIndex
    encoder: Encoder
    settings: SqlSettings
    search: Search
    pool: int
    base_url: str
    tongue: Tongue | None = None
    """Tells the language of articles that name none; without it they count as the profile's."""

    def add(self, paths: Sequence[Path], *, progress: Progress = silent) -> ImportReport:
        """Import a company's own articles. The starter articles are examples of a company that does not exist, so they go."""
        self.remove_starter()
        return import_articles(paths, self.articles, self.index, self.encoder, tongue=self.tongue, progress=progress)

    def add_starter(self, profile: str, *, progress: Progress = silent) -> int:
        """Import the starter articles of a shipped profile where there are no others; returns how many. Twice is once.

        The setting comes last: a first start that was killed halfway is made good by the next.
        """
        if self.settings.get(_STARTER_SETTING) or len(self._starter_ids()) < self.articles.count()[0]:
            return 0
        folder = resources.files("kb") / _STARTER / Path(profile).stem
        if not folder.is_dir():
            return 0
        with resources.as_file(folder) as path:
            report = import_articles(
                [path], self.articles, self.index, self.encoder, label=_STARTER, tongue=self.tongue, progress=progress
            )
        if report.rejected:
            raise ConfigInvalid(f"A starter article is broken: {report.rejected[0]}", remedy="Reinstall the appliance.")
        self.settings.put(_STARTER_SETTING, profile)
        return self.articles.count()[0]

    def remove_starter(self) -> int:
        """Take the starter articles out; returns how many there were."""
        if ids := self._starter_ids():
            self.articles.remove(ids)
        return len(ids)

    def _starter_ids(self) -> list[str]:
        return [
            article_id
            for article_id, (_, source) in self.articles.hashes().items()
            if source.partition(":")[0].partition("/")[0] == _STARTER
        ]

    def remove(self, article_ids: Sequence[str]) -> int:
        """Take articles out of SQL and index; returns how many. Raises ``NotFound`` for an unknown id and then removes none."""
        wanted = self._known(article_ids, "nothing was removed", "`appliance kb search` shows the ids of articles.")
        remove(wanted, self.articles, self.index, self.encoder)
        return len(wanted)

    def approve(self, article_ids: Sequence[str]) -> list[str]:
        """Let held articles be used as they are now; returns those that waited. Raises ``NotFound`` for an unknown id and then approves none."""
        wanted = self._known(article_ids, "nothing was approved", "`appliance kb held` shows what waits.")
        waiting = {article.id for article in self.articles.held()}
        approve(wanted, self.articles, self.index, self.encoder)
        return [article_id for article_id in wanted if article_id in waiting]

    def _known(self, article_ids: Sequence[str], consequence: str, remedy: str) -> list[str]:
        wanted = list(dict.fromkeys(article_ids))
        known = self.articles.hashes()
        if unknown := [article_id for article_id in wanted if article_id not in known]:
            raise NotFound(f"There is no article {', '.join(map(repr, unknown))}; {consequence}.", remedy=remedy)
        return wanted

    def rebuild(self, *, progress: Progress = silent) -> int:
        return rebuild(self.articles, self.index, self.encoder, progress=progress)

    async def languages(self, visibility: Visibility) -> frozenset[str]:
        """Languages of the articles that may be seen; ``""`` stands for articles that name none."""
        return await asyncio.to_thread(self.articles.languages, visibility)

    async def find(self, question: str, vector: Vector, visibility: Visibility) -> list[Candidate]:
        """Passages that may be seen; an article without an address of its own gets that of its page here."""
        found = await asyncio.to_thread(self.search.find, question, vector, visibility, limit=self.pool)
        return [
            one if one.url else replace(one, url=f"{self.base_url}/help/{quote(one.passage.article_id)}")
            for one in found
        ]


def open_index(config: Config, encoder: Encoder) -> LanceIndex:
    """The index of a data directory, which is neither made nor changed."""
    vectors = str(getattr(encoder, "vector_revision", encoder.revision))  # the same vectors may come from another file
    return LanceIndex(config.data / "lance", encoder.dimension, vectors)


def open_knowledge(config: Config, database: Database, encoder: Encoder, *, tongue: Tongue | None = None) -> Knowledge:
    """The knowledge base of a data directory. An index that an earlier version wrote is brought to this one's form first."""
    articles = SqlArticles(database)
    index = open_index(config, encoder)
    if index.upgrade(articles.named_languages):
        _log.warning("The search index in %s was brought to this version's form (languages of articles).", index.path)
    return Knowledge(
        articles,
        index,
        encoder,
        SqlSettings(database),
        Search(index, articles),
        pool=config.retrieval.pool,
        base_url=config.base_url,
        tongue=tongue,
    )
