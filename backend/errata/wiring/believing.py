"""Who believes in an audit, and what looks at media for it. Learning is slow to import: audits alone load this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from errata.audit.belief_names import is_address
from errata.audit.believe import Believer, OwnBeliever
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.believe_file import FileBeliever
from errata.audit.believe_regions import OwnRegionBeliever
from errata.audit.believe_together import PartArtefacts, TogetherBeliever
from errata.audit.believe_unlearned import UnlearnedRegionBeliever
from errata.audit.believe_values import AnnotatorsBeliever, OwnValueBeliever
from errata.audit.embed import Embedder
from errata.audit.embed_file import FileEmbedder
from errata.audit.leak_guard import GuardedBeliever
from errata.audit.ports import Artefacts, Media, MediaIndex, Progress
from errata.errors import UsageError
from errata.labelstudio.ml_backend import BackendBeliever
from errata.labelstudio.ml_class import ClassBeliever
from errata.labelstudio.predictions import is_own_version
from errata.labelstudio.task_texts import TaskTexts
from errata.labelstudio.tokens import read_claims
from errata.store.media_index import TRUSTED, MediaIndexStore
from errata.user_classes import is_class_name
from errata.wiring.belief_options import BeliefOptions
from errata.wiring.boarding import Looking
from errata.wiring.embedding import Embedding, NoIndex
from errata.wiring.region_learning import has_learner, region_learner_of
from errata_model.encoders.images import ImageEncoder
from errata_model.records import Control


def looking_of(
    wiring: Embedding, options: BeliefOptions, media: Media, artefacts: Artefacts | None, progress: Progress
) -> Looking:
    """Return what looks at media: for a belief from elsewhere without loading weights that nobody named."""
    is_own = (options.belief or "own") in ("own", "annotators")
    is_named = options.encoder or options.weights or wiring.settings.weights
    modest = options if is_own or is_named else replace(options, encoder="pixels")
    index = MediaIndexStore(wiring.engine, TRUSTED) if artefacts else NoIndex()
    encoders = _image_encoders_of(wiring, modest, progress)
    return Looking(wiring, _embedder_of(wiring, modest, media, index, encoders), encoders, media, index)


def believer_of(wiring: Embedding, options: BeliefOptions, looking: Looking, artefacts: Artefacts | None) -> Believer:
    """Return what forms the belief of an audit; `artefacts` has earlier ones."""
    belief = options.belief or "own"
    if options.fine_tune and (belief != "own" or options.embeddings is not None):
        raise UsageError(
            "--fine-tune is for errata's own belief and encoders: leave out --belief and --embeddings, or name "
            "--belief own where the project was connected with them."
        )
    if belief in ("own", "annotators"):
        kept = PartArtefacts(artefacts) if artefacts else None
        max_pixels = wiring.settings.media_max_pixels
        of_regions = OwnRegionBeliever(
            looking.embedder_of,
            lambda control: region_learner_of(control, looking.encoders, looking.media, max_pixels),
            kept,
            seed=options.seed,
            minutes=options.minutes,
            group_by=options.group_by,
        )
        of_whole_tasks = OwnBeliever(
            looking.embedder_of,
            kept,
            seed=options.seed,
            minutes=options.minutes,
            group_by=options.group_by,
            fine_tunes=options.fine_tune,
        )
        if belief == "annotators":
            labels = (lambda control: not (control.has_regions or control.has_values), of_whole_tasks)
            return TogetherBeliever([labels, (lambda _: True, AnnotatorsBeliever())])
        return TogetherBeliever(
            [
                (lambda control: control.has_regions and has_learner(control), of_regions),
                (lambda control: control.has_regions, UnlearnedRegionBeliever()),
                (lambda control: not control.has_values, of_whole_tasks),
                (lambda control: control.has_values, OwnValueBeliever()),
            ]
        )
    other = _other_believer(wiring, belief, artefacts is not None)
    return GuardedBeliever(other, looking.embedder_of, options.group_by)


def _other_believer(wiring: Embedding, belief: str, is_project: bool) -> Believer:
    if belief == "stored" or belief.startswith("stored:"):
        version = belief.removeprefix("stored").removeprefix(":") or None
        if version is not None and is_own_version(version):
            raise UsageError(f'"{version}" is errata\'s own, which is no second opinion: use --belief own.')
        return StoredBeliever(version)
    if is_address(belief):
        return BackendBeliever(belief, wiring.network)
    if is_class_name(belief) and not Path(belief).exists():
        return ClassBeliever(belief, _legacy_token(wiring) if is_project else "")
    return FileBeliever(Path(belief))


def _image_encoders_of(
    wiring: Embedding, options: BeliefOptions, progress: Progress
) -> Callable[[], Mapping[str, ImageEncoder]]:
    """Return what returns the encoders of images: they are looked for where there are images, and once."""
    name, weights = options.encoder or wiring.settings.encoder, options.weights or wiring.settings.weights
    said_by = "--encoder" if options.encoder else "ERRATA_ENCODER"
    return cache(lambda: wiring.image_encoders(name, weights, progress, said_by))


def _embedder_of(
    wiring: Embedding,
    options: BeliefOptions,
    media: Media,
    index: MediaIndex,
    image_encoders: Callable[[], Mapping[str, ImageEncoder]],
) -> Callable[[Control], Embedder]:
    """Return what says how to embed what a control labels."""

    def embedder_of(control: Control) -> Embedder:
        if options.embeddings is not None:
            return FileEmbedder(options.embeddings)
        if control.text is not None:
            texts = options.text_encoder or wiring.settings.text_encoder
            encoder = wiring.text_encoder(texts, "--text-encoder" if options.text_encoder else "ERRATA_TEXT_ENCODER")
            return wiring.text_embedder(encoder, texts, TaskTexts(control.text, media))
        return wiring.embedder(image_encoders(), options.weights, media, index)

    return embedder_of


def _legacy_token(wiring: Embedding) -> str:
    """Return Label Studio's token where it is a legacy one: label-studio-ml 1.0.9 can send no other."""
    _, token = wiring.login
    return "" if read_claims(token) else token
