"""S3 on loopback: moto's server, and a bucket of a test's own."""

import pytest


@pytest.fixture(scope="session")
def aws():
    """The address of a moto server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_here(aws, monkeypatch):
    """The environment that leads AWS's clients to it; its address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return aws


@pytest.fixture
def bucket(aws_here):
    """``bucket(key, body)`` puts an object into the bucket "bills", which was empty."""
    import boto3

    client = boto3.client("s3", endpoint_url=aws_here)
    client.create_bucket(Bucket="bills")

    def put(key, body):
        client.put_object(Bucket="bills", Key=key, Body=body)

    yield put
    for each in client.list_objects_v2(Bucket="bills").get("Contents", []):
        client.delete_object(Bucket="bills", Key=each["Key"])
    client.close()
