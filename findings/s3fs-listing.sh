#!/bin/sh
# s3fs 2026.9.0: a file that came after its folder was listed is not there, not even to be opened by its name.
#
# A good guess: a listing may be old for a moment, but `exists` and `cat` of a named object ask the store.
# What happens: once a folder has been listed in a process, `exists` says False of a new object in it and `cat` raises
# FileNotFoundError, for as long as the process lives; a deleted one exists, and a larger one has its old size. Another
# S3FileSystem is the same object with the same memory. Give `use_listings_cache=False`, or call `invalidate_cache()`.
#
# Output seen:
#   b was put after the listing: exists False, cat FileNotFoundError, also in a new S3FileSystem; deleted a exists True
#   with use_listings_cache=False: exists True, cat b'new'; deleted a exists False
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check s3fs==2026.9.0 moto==5.2.5 flask==3.1.3 flask-cors==6.0.5 boto3==1.43.117
env/bin/python - <<'EOF'
import logging
import os

import boto3
import s3fs
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
other = boto3.client("s3", endpoint_url=url, **keys)
other.create_bucket(Bucket="ward")


def ask(**options):
    other.put_object(Bucket="ward", Key="beats/a.parquet", Body=b"old")
    other.delete_object(Bucket="ward", Key="beats/b.parquet")
    where = {"key": "key", "secret": "secret", "endpoint_url": url, **options}
    store = s3fs.S3FileSystem(**where)
    store.ls("ward/beats")
    other.put_object(Bucket="ward", Key="beats/b.parquet", Body=b"new")
    other.delete_object(Bucket="ward", Key="beats/a.parquet")
    anew = s3fs.S3FileSystem(**where)
    try:
        found = anew.cat("ward/beats/b.parquet")
    except FileNotFoundError as error:
        found = type(error).__name__
    return store.exists("ward/beats/b.parquet"), found, store.exists("ward/beats/a.parquet")


kept, asked = ask(), ask(use_listings_cache=False)
server.stop()
print("b was put after the listing: exists {}, cat {}, also in a new S3FileSystem; deleted a exists {}".format(*kept))
print("with use_listings_cache=False: exists {}, cat {}; deleted a exists {}".format(*asked))
assert kept == (False, "FileNotFoundError", True) and asked == (True, b"new", False), (kept, asked)
EOF
