"""Requests through the router and nginx, side by side, a batch at a time."""

import asyncio
import ipaddress
import tempfile

from client import say
from comparison import Passed, compare_requests, compare_upstream
from peers import nginx, router
from recorder import Recorder

_TOGETHER = 48  # clients
_END_S = 10
_FIRST_ADDRESS = int(ipaddress.ip_address("127.1.0.1"))
HOSTS = ("a.example", "b.example", "127.0.0.1", "*.example")


class RequestRun:
    """`with` starts the proxies. compare() reports what differs, by case."""

    def __init__(self, node, report):
        self.node, self.report = node, report
        self.behind_router, self.behind_nginx = Recorder(), Recorder()
        self.passed_on = self.compared = 0
        self.allowances = {}

    async def compare(self, cases):
        own = await self.node.read([([data], None) for _, data in cases])
        addresses = [str(ipaddress.ip_address(_FIRST_ADDRESS + i)) for i in range(len(cases))]
        turns = asyncio.Semaphore(_TOGETHER)

        async def ask(port, place):
            async with turns:
                return await say(port, cases[place][1], len(own[place].complete), addresses[place])

        async with asyncio.TaskGroup() as group:
            asked = [[group.create_task(ask(port, place)) for place in range(len(cases))]
                     for port in (self.router_port, self.nginx_port)]
        for recorder in (self.behind_router, self.behind_nginx):
            await recorder.finish(_END_S)
        for place, (name, data) in enumerate(cases):
            by_router, by_nginx = (
                Passed(task[place].result(), recorder.records.get(addresses[place], []))
                for task, recorder in zip(asked, (self.behind_router, self.behind_nginx)))
            self.compared += 1
            self.passed_on += sum(one is not None for one in by_router.places)
            self.report(name, data, compare_requests(data, by_router, by_nginx, own[place],
                                                     self.allowances))
        await self._compare_upstream(dict(zip(addresses, cases)))

    async def _compare_upstream(self, cases):
        of_router = self.behind_router
        read = await self.node.read([(pieces, None) for pieces, _ in of_router.connections])
        for (pieces, requests), node in zip(of_router.connections, read):
            self.report("upstream", b"".join(pieces), compare_upstream(requests, node))
        for broken in of_router.broken:
            self.report.whole(broken)
        for recorder in (of_router, self.behind_nginx):
            recorder.records, recorder.connections, recorder.broken = {}, [], []


async def run_requests(node, report, batches):
    """Compares batch after batch; `batches` ends when time is up."""
    run = RequestRun(node, report)
    with tempfile.TemporaryDirectory(prefix="nuri-differential-") as folder:
        to_router = await run.behind_router.listen()
        to_nginx = await run.behind_nginx.listen()
        async with router(folder, {host: to_router for host in HOSTS}) as run.router_port, \
                nginx(folder, to_nginx) as run.nginx_port:
            for batch in batches:
                await run.compare(batch)
    return run
