"""`templates.py` of a channel: the templates that the provider keeps for an account. All of it raises `ProviderError`s,

and `Unprocessable` where the configuration does not say whose templates they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.channel.config import Config
from shared.domain.kinds import TemplateStatus

if TYPE_CHECKING:
    from shared.deps import Deps
    from shared.domain.instances import Instance
    from shared.domain.message_templates import ParameterFormat, TemplateContent


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTemplate:
    """A template as its provider describes it."""

    external_id: str | None
    name: str
    language: str
    category: str
    status: TemplateStatus
    reason: str | None
    quality: str | None
    parameter_format: ParameterFormat
    content: TemplateContent


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePage:
    """Some of an account's templates; `after` is where the next page begins, None on the last one."""

    templates: Sequence[ReportedTemplate]
    after: str | None


class SupportsTemplates(Protocol[Config]):
    """Providers that let templates be listed, made and deleted."""

    def list_templates(
        self, deps: Deps, instance: Instance, config: Config, *, name: str | None, after: str | None, limit: int
    ) -> TemplatePage:
        """One page of the account's templates, or of those with a name in all languages."""
        ...

    def create_template(
        self, deps: Deps, instance: Instance, config: Config, template: ReportedTemplate
    ) -> ReportedTemplate:
        """Have a template reviewed; returns it with the provider's id, category and status."""
        ...

    def delete_template(
        self, deps: Deps, instance: Instance, config: Config, name: str, external_id: str | None
    ) -> None:
        """Delete a template in one language, or in all where its id is unknown; one that is gone is no error."""
        ...
