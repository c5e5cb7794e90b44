"""What the SDK sends, as the HTTP libraries below it log it."""

import contextlib
import logging
import urllib.parse


class _Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@contextlib.contextmanager
def _records(name, level):
    """The records of a logger while the block runs."""
    logger, handler = logging.getLogger(name), _Records()
    before = logger.level
    logger.setLevel(level)
    logger.addHandler(handler)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextlib.contextmanager
def exchanges():
    """Lists the calls of the block as `METHOD path status`; what is repeated below the SDK stands there once."""
    told = []
    with _records("httpx", logging.INFO) as records:
        try:
            yield told
        finally:
            for record in records:
                method, url, _, status, _ = record.args
                told.append(f"{method} {urllib.parse.urlsplit(str(url)).path} {status}")


class Count:
    requests = 0


@contextlib.contextmanager
def counted():
    """Counts the requests of the block that went out, every repetition among them."""
    count = Count()
    with _records("httpcore", logging.DEBUG) as records:
        try:
            yield count
        finally:
            count.requests = sum("send_request_headers.started" in record.getMessage() for record in records)
