"""What reviewers see: the review project, and who serves its pictures."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from errata.audit.snapshot import Snapshot
from errata.errors import ErrataError, LabelStudioGone, SettingError
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.media_links import MediaLinks
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import describe_project
from errata.labelstudio.trial import MediaTrial, remove_left_trials, try_media
from errata.settings import MediaServer
from errata.store.secrets import media_secret
from errata.wiring.adapters import Adapters


class Showing(Adapters):
    """Review projects on the adapters."""

    @property
    def media_links(self) -> MediaLinks:
        """Make and check the addresses under which errata serves pictures."""
        return MediaLinks(self.public_url, media_secret(self.settings.data_dir))

    def review_project(self, snapshot: Snapshot) -> ReviewProject:
        """Return the review project of a source, its pictures served by whom the project's settings say.

        Raises:
            SettingError: errata is to serve them, and no address for browsers is set.
        """
        is_ours = self.project_settings.get(snapshot.project_id).media == "errata"
        if is_ours and not self.settings.public_url:
            raise SettingError(
                f"ERRATA_PUBLIC_URL is not set, but errata serves the pictures of project {snapshot.project_id} to "
                "its reviewers; set it to an address of `errata serve` that their browsers reach."
            )
        by_item = self.reviews_by_item(snapshot.project_id)
        return ReviewProject(self.client, snapshot, self.footprint, self.media_links if is_ours else None, by_item)

    def reviews_by_item(self, project_id: int) -> bool:
        """Say whether all findings about the regions of an annotation are one review task."""
        return self.project_settings.get(project_id).review_by == "item"

    def tend_review(self, project_id: int) -> None:
        """Renew addresses of pictures that expire, and remove what a crash left of a trial."""
        review = self.review_project(describe_project(self.client, project_id))
        review_id = review.find()
        if review_id is not None:
            remove_left_trials(self.client, review_id, review.columns)
            review.renew_media()

    def renew_media(self) -> None:
        """Renew the addresses of pictures that errata serves, of every project, past those where that fails.

        Raises:
            ErrataError: the first that went wrong.
        """
        problems = []
        for project_id, said in self.project_settings.every().items():
            if said.media == "errata":
                try:
                    self.tend_review(project_id)
                except LabelStudioGone:
                    continue
                except ErrataError as error:
                    problems.append(error)
        if problems:
            raise problems[0]

    def try_media(self, project_id: int) -> MediaTrial:
        """Try whether a project's reviewers see its pictures, and remember who is to serve them.

        Label Studio does wherever it can. Where it cannot, errata does if a trial of that succeeds; `errata serve`
        has to run then, now and for as long as people review.
        """
        snapshot = describe_project(self.client, project_id)
        own = self._try(snapshot, None)
        if own.is_loaded or not own.address:
            self._remember_media(project_id, "label_studio" if own.is_loaded else None)
            return own
        if not self.settings.public_url:
            advice = (
                "Or let errata serve the pictures: set ERRATA_PUBLIC_URL to an address of `errata serve` that "
                "reviewers' browsers reach, and connect again."
            )
            return replace(own, problem=f"{own.problem}. {advice}")
        by_errata = self._try(snapshot, self.media_links)
        if by_errata.is_loaded:
            self._remember_media(project_id, "errata")
            return replace(by_errata, is_served_by_errata=True)
        return replace(
            own, problem=f"{own.problem}. errata cannot serve it either (does `errata serve` run?): {by_errata.problem}"
        )

    def _try(self, snapshot: Snapshot, links: MediaLinks | None) -> MediaTrial:
        by_item = self.reviews_by_item(snapshot.project_id)
        review = ReviewProject(self.client, snapshot, self.footprint, links, by_item)
        media = self.project_media(*([urlsplit(self.public_url).netloc] if links else []))
        try:
            return try_media(self.client, snapshot, review, media, self.settings.media_max_pixels)
        finally:
            media.close()

    def project_media(self, *hosts: str) -> ProjectMedia:
        """Return what fetches a project's media; `hosts` are allowed besides those of the settings."""
        settings = self.settings
        allowed = (*settings.media_hosts, *hosts)
        return ProjectMedia(self.client, allowed, settings.media_max_bytes, settings.media_timeout_s)

    def _remember_media(self, project_id: int, server: MediaServer | None) -> None:
        said = self.project_settings.get(project_id)
        wanted = said.model_copy(update={"media": server})
        if wanted != said:
            self.project_settings.put(project_id, wanted)
