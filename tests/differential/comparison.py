"""What must be the same: the requests that the router passed on, as nginx and Node.js read them."""

import re

from allowed import allowed
from client import answers_in
from peers import host_and_path


class Difference:
    """`kind`: what is not as it must be, one of run's PROPERTIES; `text`: how."""

    def __init__(self, kind, text):
        self.kind, self.text = kind, text


def bare_host(text):
    """As nginx names a host: without port and the root's dot, in lower case."""
    text = re.sub(r":\d*$", "", text.lower())
    return text[:-1] if text.endswith(".") else text


def _of_node(message):
    hosts, path = host_and_path(message)
    return message["method"], path, hosts[0] if hosts else "", message["body"]


def _of_record(record):
    return record.method, record.target, record.host, record.content


class Passed:
    """One case's way through a proxy: at each place the request that was passed on, or None where
    the proxy answered itself and went on."""

    def __init__(self, data, records):
        self.answers = answers_in(data)
        by_number = {record.number: record for record in records}
        self.places, self.refused, self.closed = [], None, False
        for answer in self.answers:
            self.closed = answer.closes
            if answer.record:
                self.places.append(by_number.pop(answer.record, None))
            elif answer.error == "unknown_route":
                self.places.append(None)
            else:
                self.refused = str(answer.status)
                break
        # Passed on, but the client left before its answer.
        self.places += [record for record in by_number.values() if record.complete]


def compare_requests(data, router, nginx, node, allowances):
    """Differences of one case. `nginx`: Passed; `node`: Reading of the client's own bytes."""
    for place, record in enumerate(router.places):
        if record is None:
            continue
        if place < len(node.complete):
            if _of_record(record) != _of_node(node.complete[place]):
                yield Difference("node", f"request {place}: the router passes on "
                                 f"{_of_record(record)}, Node.js reads "
                                 f"{_of_node(node.complete[place])}")
        else:
            yield from _refused("node", node.refused or "waits", place, data, allowances)
        if place < len(nginx.places) and nginx.places[place]:
            yield from _compare_nginx(place, record, nginx.places[place])
        elif place >= len(nginx.places):
            said = nginx.refused or ("closes" if nginx.closed else "waits")
            yield from _refused("nginx", said, place, data, allowances)
    if router.refused is None and not router.closed:
        for peer, count in (("node", len(node.complete)), ("nginx", len(nginx.places))):
            if count > len(router.places) and not allowed(peer, "more", data, allowances):
                yield Difference(peer, f"the router takes {len(router.places)} requests "
                                 f"and waits for more, {peer} reads {count}")


def _compare_nginx(place, record, other):
    method, target, host, content = _of_record(record)
    found = _of_record(other)
    if (method, target, bare_host(host), content) != (*found[:2], bare_host(found[2]), found[3]):
        yield Difference("nginx", f"request {place}: the router passes on "
                         f"{_of_record(record)}, nginx {found}")


def _refused(peer, said, place, data, allowances):
    if not allowed(peer, said, data, allowances):
        yield Difference(peer, f"the router passes on request {place}; {peer} does not take it: "
                         f"{said}")


def compare_upstream(requests, node):
    """The bytes of one connection of the router to its upstream: Node.js must read the requests
    that were passed on, each once, and nothing else."""
    read = [_of_node(one) for one in node.complete]
    sent = [_of_record(one) for one in requests]
    if node.refused is not None:
        yield Difference("upstream",
                         f"what the router sends is refused by Node.js: {node.refused}, after "
                         f"{len(read)} of {len(sent)} requests")
    elif read != sent:
        wrong = [(a, b) for a, b in zip(sent, read) if a != b][:1]
        yield Difference("upstream", f"the router sends {len(sent)} requests on a connection, "
                         f"Node.js reads {len(read)}; differing: {wrong}")
