#!/usr/bin/env python3
"""Writes the S3 endpoints that botocore's own rule set makes, as a fixture for the parser of hosts.

    pip install --target /tmp/botocore botocore==1.44.8
    PYTHONPATH=/tmp/botocore scripts/s3_endpoints.py > tests/vectors/s3-botocore-endpoints.txt

Every partition and region is combined with FIPS, dual stack, acceleration, the styles, and buckets of
every kind, and put to botocore's evaluation of `endpoint-rule-set-1.json`. What is expected of a host
comes from that input, not from its name: partition and region from `partitions.json`, the family from the
switches, and the bucket from the bucket. Combinations that botocore refuses are left out.
"""

import itertools
from urllib.parse import urlsplit

import botocore
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader

ACCOUNT = "123456789012"


def buckets(partition, region):
    """Yields (bucket or ARN, what the host names of it, family it makes or None)."""
    yield None, None, None
    yield "quotes", "quotes", None
    yield "a.dotted.bucket", "a.dotted.bucket", None
    zone = "usw2-az1"
    directory = f"quotes--{zone}--x-s3"
    yield directory, directory, "express"
    arn = f"arn:{partition}:s3:{region}:{ACCOUNT}:accesspoint/mine"
    yield arn, f"mine-{ACCOUNT}", "accesspoint"
    arn = f"arn:{partition}:s3-object-lambda:{region}:{ACCOUNT}:accesspoint/mine"
    yield arn, f"mine-{ACCOUNT}", "object-lambda"
    outpost = "op-01234567890123456"
    arn = f"arn:{partition}:s3-outposts:{region}:{ACCOUNT}:outpost/{outpost}/accesspoint/mine"
    yield arn, f"mine-{ACCOUNT}.{outpost}", "outposts"
    alias = "mfzwi23gnjvgw.mrap"
    yield f"arn:{partition}:s3::{ACCOUNT}:accesspoint/{alias}", alias, "mrap"


def family(kind, options, region):
    """Names the family that the switches ask for."""
    if kind:
        return kind
    if options["Accelerate"]:
        return "accelerate" + ("-dualstack" if options["UseDualStack"] else "")
    if options["UseFIPS"]:
        return "fips" + ("-dualstack" if options["UseDualStack"] else "")
    if options["UseDualStack"]:
        return "dualstack"
    if region == "aws-global" or options["UseGlobalEndpoint"] and region == "us-east-1":
        return "global"
    return "regional"


def endpoints():
    loader = Loader()
    partitions = loader.load_data("partitions")
    provider = EndpointProvider(
        loader.load_service_model("s3", "endpoint-rule-set-1"), partitions
    )
    switches = ("UseFIPS", "UseDualStack", "Accelerate", "ForcePathStyle", "UseGlobalEndpoint")
    more = ("UseObjectLambdaEndpoint", "UseS3ExpressControlEndpoint")
    for partition in partitions["partitions"]:
        name = partition["id"]
        for region in partition["regions"]:
            for bucket, named, kind in buckets(name, region):
                for values in itertools.product((False, True), repeat=len(switches)):
                    for extra in (None, *more):
                        if extra and bucket and kind != "express":
                            continue
                        options = dict(zip(switches, values))
                        extras = {extra: True} if extra else {}
                        given = {"Bucket": bucket} if bucket else {}
                        try:
                            endpoint = provider.resolve_endpoint(
                                Region=region, **options, **given, **extras
                            )
                        except EndpointProviderError:
                            continue
                        url = urlsplit(endpoint.url)
                        # Whether the host or the path has the bucket is for the URL to say.
                        host_has_bucket = named and url.path in ("", "/")
                        wanted = kind
                        if extra == "UseObjectLambdaEndpoint":
                            wanted = "object-lambda"
                        elif extra or kind == "express" and not host_has_bucket:
                            wanted = "express" if bucket else family(None, options, region)
                        yield (
                            url.hostname,
                            family(wanted, options, region),
                            named if host_has_bucket else None,
                            region,
                            name,
                        )


def main():
    print("# host, family, bucket, region, partition of every S3 endpoint that botocore makes; - is none.")
    print(f"# Made with botocore {botocore.__version__} by scripts/s3_endpoints.py, which says how.")
    rows = set()
    for host, kind, bucket, region, partition in endpoints():
        without = kind in ("global", "accelerate", "accelerate-dualstack", "mrap")
        rows.add((host, kind, bucket or "-", "-" if without else region, partition))
    for row in sorted(rows):
        print(*row)


if __name__ == "__main__":
    main()
