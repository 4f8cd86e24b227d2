"""``gateway codes``: which code lists there are and how old, and the codes of one.

Reads files only; no server and no database. Rule sets an operator imported are counted too.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gateway.commands.refusal import EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.conversion.codelists import CodeListStore, newest_rules, read_code_lists
from gateway.core import clock
from schematron.registry import load
from ubl.codelists import CodeList, CodeListUnknown, Standing

__all__ = ["declare"]

_LANGUAGES = ("en", "fr", "nl", "de")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("list", nargs="?", metavar="LIST", help="id of a list, such as EAS")
    parser.add_argument("--find", default="", metavar="TEXT", help="codes with this text only")
    parser.add_argument("--lang", choices=_LANGUAGES, default="en", help="language of the names")
    parser.add_argument("--on", type=date.fromisoformat, metavar="DAY", help="default: today")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    declare_config(parser)
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:

    settings = read_settings(options.config)
    day = options.on or clock.now().astimezone(ZoneInfo(settings.time_zone)).date()
    store = read_code_lists(settings.config_dir)
    if options.list:
        return _show(store, options, day)
    newest = newest_rules(load(settings.config_dir, settings.rules_dir).rulesets, day)
    found = [(one, store.standing(one.release, day, newest=newest)) for one in store.lists]
    if options.json:
        print(json.dumps([_described(*one, options.lang) for one in found], ensure_ascii=False))
        return 0
    for one, standing in found:
        print(
            f"{one.id:18} {len(one.codes):5}  {one.release.valid_from}  {standing:10} "
            f"{one.title(options.lang)}"
        )
    return 0


def _described(one: CodeList, standing: Standing, lang: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title(lang),
        "terms": one.terms,
        "size": len(one.codes),
        "source": one.release.title,
        "version": one.release.version,
        "valid_from": one.release.valid_from.isoformat(),
        "standing": standing,
    }


def _show(store: CodeListStore, options: argparse.Namespace, day: date) -> int:

    try:
        wanted = store.lists.of(options.list)
    except CodeListUnknown:
        known = ", ".join(one.id for one in store.lists)
        raise Unusable(
            f"there is no code list '{options.list}'. There are: {known}.", EXIT_USAGE
        ) from None
    rows = list(_codes(wanted, options, day))
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for row in rows:
        print(f"{row['code']:20} {row['name']}{'' if row['valid'] else '  (not valid that day)'}")
    return 0


def _codes(wanted: CodeList, options: argparse.Namespace, day: date) -> Iterator[dict[str, Any]]:
    for found in wanted.find(options.find, lang=options.lang, on=day):
        code = found.code
        yield {
            "code": code.code,
            "name": found.name,
            "valid": found.valid,
            "valid_from": code.valid_from.isoformat() if code.valid_from else None,
            "valid_until": code.valid_until.isoformat() if code.valid_until else None,
            "source": code.source,
        }
