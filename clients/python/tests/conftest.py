import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from service import Service

from loop_gateway import Client
from loop_gateway.aio import AsyncClient


class Threads:
    """Calls by the client for threads."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, do: Callable[[Any], Any], **settings: Any) -> Any:
        with Client(self._address, plaintext=True, **settings) as client:
            return do(client)

    def items(self, do: Callable[[Any], Any], **settings: Any) -> list[Any]:
        with Client(self._address, plaintext=True, **settings) as client:
            return list(do(client))

    def first(self, count: int, do: Callable[[Any], Any]) -> tuple[list[Any], str]:
        with Client(self._address, plaintext=True) as client:
            following = do(client)
            found = [next(following) for _ in range(count)]
            following.close()
            return found, following.cursor


class Asyncio:
    """The same by the client for asyncio."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, do: Callable[[Any], Any], **settings: Any) -> Any:
        async def run() -> Any:
            async with AsyncClient(self._address, plaintext=True, **settings) as client:
                return await do(client)

        return asyncio.run(run())

    def items(self, do: Callable[[Any], Any], **settings: Any) -> list[Any]:
        async def run() -> list[Any]:
            async with AsyncClient(self._address, plaintext=True, **settings) as client:
                return [each async for each in do(client)]

        return asyncio.run(run())

    def first(self, count: int, do: Callable[[Any], Any]) -> tuple[list[Any], str]:
        async def run() -> tuple[list[Any], str]:
            async with AsyncClient(self._address, plaintext=True) as client:
                following = do(client)
                found = [await anext(following) for _ in range(count)]
                await following.aclose()
                return found, following.cursor

        return asyncio.run(run())


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.close()


@pytest.fixture(params=[Threads, Asyncio])
def caller(request: pytest.FixtureRequest, service: Service) -> Any:
    return request.param(service.address)
