"""An object store on loopback (moto), which checks the signature of every read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import requests
from moto.server import ThreadedMotoServer

BUCKET = "eodata"


@dataclass(frozen=True)
class Store:
    """Where it answers, and who may read."""

    url: str
    access_key: str
    secret_key: str


@contextmanager
def object_store(folder: Path) -> Iterator[Store]:
    """Serve the files below `folder` as the bucket `eodata`, to one user with keys of their own."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        requests.post(f"{url}/moto-api/reset", timeout=10)
        options = {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "AKIAEXAMPLEEXAMPLE00",
            "aws_secret_access_key": "nobody",
        }
        iam, s3 = boto3.client("iam", **options), boto3.client("s3", **options)
        iam.create_user(UserName="analyst")
        key = iam.create_access_key(UserName="analyst")["AccessKey"]
        policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        iam.put_user_policy(UserName="analyst", PolicyName="read", PolicyDocument=policy)
        s3.create_bucket(Bucket=BUCKET)
        for path in sorted(folder.rglob("*.jp2")):
            s3.put_object(Bucket=BUCKET, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())
        requests.post(f"{url}/moto-api/reset-auth", data=b"0", timeout=10)  # from now on all is checked
        yield Store(url, key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        requests.post(f"{url}/moto-api/reset-auth", data=b"inf", timeout=10)
        server.stop()
