"""Bodies of webhooks: their JSON against a schema, and HTML as text."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from appliance.errors import InputInvalid, explain

_MAX_DEPTH_ERROR = "The webhook's body is nested too deeply."


class Wire(BaseModel):
    """The part of a desk's document that is read; desks add keys at will, so others are let be."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Shape = TypeVar("Shape", bound=Wire)


def _id(value: Any) -> Any:
    """Desks write ids as numbers and as strings, the same desk from version to version."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_id)]


def parse(shape: type[Shape], body: bytes) -> Shape:
    """Raises ``InputInvalid`` that names keys and never values."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise InputInvalid(
            f"The webhook's body is not of the expected shape: {explain(error)}.",
            remedy="Check the webhook's set-up in the desk (docs/desks.md).",
        ) from error
    except RecursionError as error:
        raise InputInvalid(_MAX_DEPTH_ERROR) from error


def text_of_html(html: str) -> str:
    """The visible words. What the writer quotes, and what stands below a signature's mark, is not what they say now."""
    from bs4 import BeautifulSoup  # takes a while to import; a box without desks never needs it

    from kb.sources.html_text import to_markdown
    from kb.sources.html_visible import remove_unseen

    soup = BeautifulSoup(html, "lxml")
    remove_unseen(soup)
    mark = soup.find(class_="js-signatureMarker")
    for words in list(mark.find_all_next(string=True)) if mark else []:
        words.extract()
    for quoted in soup.find_all("blockquote"):
        quoted.decompose()
    return to_markdown(soup).strip()
