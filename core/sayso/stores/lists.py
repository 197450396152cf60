"""The SQL of lists, in words that both dialects have: each strand of a list is one piece of one index, in its order.

The rule: how long a list takes grows with its page, not with what is stored. What cannot be read so is not asked for.
"""

from __future__ import annotations

import functools
import re
from typing import get_args

from sayso import model
from sayso.stores import documents, sql
from sayso.stores.protocol import Query

# Strands of one statement; SQLite takes 500. A person whom more audiences concern is given what a filter finds.
_MOST_STRANDS = 100
LAST = "\U0010ffff"
"""What stands behind the beginning of a name to come after every name that begins so, in the order of bytes."""

Values = list[documents.Value]


def select_page(query: Query, dialect: sql.Dialect) -> tuple[str, Values]:
    """The statement for the documents of a page, with the moment and the id of each."""
    values = Values()
    ids, order = _ids(query, values, dialect), _order(query)
    read = "document, page.moment as moment, page.id as id"
    page = f"select {read} from ({ids}) as page join tickets on tickets.id = page.id"
    if query.most_bytes is None:
        return _in_order(f"{page} {order}", values)
    # summed up by the database, so that nothing beyond is read into this process
    sized = f"select document, moment, id, sum(octet_length(document)) over ({order}) as total from ({page}) as found"
    values.append(query.most_bytes)
    within = f"total - octet_length(document) < ${len(values)}"
    return _in_order(f"select document, moment, id from ({sized}) as sized where {within} {order}", values)


def select_count(query: Query, dialect: sql.Dialect) -> tuple[str, Values]:
    """The statement that counts what the page would hold."""
    values = Values()
    return _in_order(f"select count(*) from ({_ids(query, values, dialect)}) as found", values)


@functools.cache
def select_records(wanted: int) -> str:
    """The statement for the last records of a kind between two names, of so many kinds."""
    read, last = "select kind, name, value, expires_at, version from records where", "order by name desc limit"
    strands = (
        f"{read} kind = ${at} and name >= ${at + 1} and name < ${at + 2} {last} ${at + 3}"
        for at in range(1, 4 * wanted, 4)
    )
    return " union all ".join(f"select * from ({strand}) as strand" for strand in strands)


def _ids(query: Query, values: Values, dialect: sql.Dialect) -> str:
    """The moments and ids of the page: the first of every strand, and of those the first again."""
    # written out: PostgreSQL plans for a tenth of all rows where it does not know how many are wanted
    limit, tickets = str(int(query.limit)), _tickets(query, dialect)
    moment, shared = "ends_at" if query.soonest else "created_at", _shared(query, values)
    direction = "" if query.soonest else " desc"
    order = f"order by {moment}{direction}, id{direction} limit {limit}"
    strands = (
        f"select * from (select {moment} as moment, id from {tickets} where {own}{shared} {order}) as strand"
        for own in _strands(query, values)
    )
    return f"select moment, id from ({' union '.join(strands)}) as strands {_order(query)} limit {limit}"


def _tickets(query: Query, dialect: sql.Dialect) -> str:
    if dialect == "postgres" or not query.soonest:
        return "tickets"
    # the index is named, because SQLite keeps no figures here and takes any that begins with the state
    return f"tickets indexed by {'tickets_ending' if query.audiences is None else 'tickets_audience_ending'}"


def _strands(query: Query, values: Values) -> list[str]:
    """What each strand has alone: a state, and whose they are."""
    # the state is written out, so that the partial indexes can be used
    states = [query.state] if query.state else list(get_args(model.State))
    if query.prefix is not None:
        first, after = _put(values, query.prefix), _put(values, query.prefix + LAST)
        # read by the id: what is made longer by nothing is found in no index
        listed = ", ".join(f"'{state}'" for state in states)
        return [f"id >= {first} and id < {after} and state || '' in ({listed})"]
    return [f"state = '{state}'{whose}" for state in states for whose in _whose(query, values)]


def _whose(query: Query, values: Values) -> list[str]:
    if query.audiences is None:
        return [""]
    places = [_put(values, audience) for audience in query.audiences]
    found = [f" and audience = {place}" for place in places]
    if len(places) > _MOST_STRANDS:
        found = [f" and audience in ({', '.join(places)})"]
    if query.requester is not None:
        found.append(f" and requester = {_put(values, query.requester)}")
    return found or [" and false"]


def _shared(query: Query, values: Values) -> str:
    """What holds for every strand."""
    clauses, by_id = list[str](), "" if query.prefix is None else " || ''"
    for column, value in (("owner", query.owner), ("session", query.session)):
        if value is not None:
            clauses.append(f" and {column}{by_id} = {_put(values, value)}")
    if query.before is not None:
        moment, relation = ("ends_at", ">") if query.soonest else ("created_at", "<")
        at, id = _put(values, documents.to_micros(query.before[0])), _put(values, query.before[1])
        clauses.append(f" and ({moment}, id) {relation} ({at}, {id})")
    return "".join(clauses)


def _order(query: Query) -> str:
    return "order by moment, id" if query.soonest else "order by moment desc, id desc"


def _put(values: Values, value: documents.Value) -> str:
    values.append(value)
    kind = "bigint" if isinstance(value, int) else "text"
    # the type is named for PostgreSQL, which cannot guess it
    return f"cast(${len(values)} as {kind})"


def _in_order(text: str, values: Values) -> tuple[str, Values]:
    """The same with the parameters numbered as they appear: SQLite counts them so."""
    found = list(dict.fromkeys(re.findall(r"\$([0-9]+)", text)))
    numbers = {old: str(new) for new, old in enumerate(found, 1)}
    return re.sub(r"\$([0-9]+)", lambda one: f"${numbers[one[1]]}", text), [values[int(old) - 1] for old in found]
