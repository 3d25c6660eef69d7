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
    """Yields bucket or ARN, what the host names of it, the family it makes if it makes one, and switches
    that only it has."""
    yield None, None, None, {}
    yield None, None, "object-lambda", {"UseObjectLambdaEndpoint": True}
    yield "quotes", "quotes", None, {}
    yield "a.dotted.bucket", "a.dotted.bucket", None, {}
    directory = "quotes--usw2-az1--x-s3"
    yield directory, directory, "express", {}
    yield directory, directory, "express", {"UseS3ExpressControlEndpoint": True}
    yield None, None, "express", {"UseS3ExpressControlEndpoint": True}
    arn = f"arn:{partition}:s3:{region}:{ACCOUNT}:accesspoint/mine"
    yield arn, f"mine-{ACCOUNT}", "accesspoint", {}
    arn = f"arn:{partition}:s3-object-lambda:{region}:{ACCOUNT}:accesspoint/mine"
    yield arn, f"mine-{ACCOUNT}", "object-lambda", {}
    outpost = "op-01234567890123456"
    arn = f"arn:{partition}:s3-outposts:{region}:{ACCOUNT}:outpost/{outpost}/accesspoint/mine"
    yield arn, f"mine-{ACCOUNT}.{outpost}", "outposts", {}
    alias = "mfzwi23gnjvgw.mrap"
    yield f"arn:{partition}:s3::{ACCOUNT}:accesspoint/{alias}", alias, "mrap", {}


def family(kind, options, bucket, region):
    """Names the family that the switches ask for."""
    if kind:
        return kind
    dual_stack = "-dualstack" if options["UseDualStack"] else ""
    if options["Accelerate"] and bucket:
        return "accelerate" + dual_stack
    if options["UseFIPS"]:
        return "fips" + dual_stack
    if dual_stack:
        return "dualstack"
    if region == "aws-global" or (options["UseGlobalEndpoint"] and region == "us-east-1"):
        return "global"
    return "regional"


def endpoints():
    loader = Loader()
    partitions = loader.load_data("partitions")
    provider = EndpointProvider(
        loader.load_service_model("s3", "endpoint-rule-set-1"), partitions
    )
    switches = ("UseFIPS", "UseDualStack", "Accelerate", "ForcePathStyle", "UseGlobalEndpoint")
    for partition in partitions["partitions"]:
        name = partition["id"]
        for region in partition["regions"]:
            for bucket, named, kind, more in buckets(name, region):
                for values in itertools.product((False, True), repeat=len(switches)):
                    options = dict(zip(switches, values))
                    given = {"Bucket": bucket} if bucket else {}
                    try:
                        endpoint = provider.resolve_endpoint(
                            Region=region, **options, **given, **more
                        )
                    except EndpointProviderError:
                        continue
                    url = urlsplit(endpoint.url)
                    # Whether the host or the path has the bucket is for the URL to say.
                    in_host = named if url.path in ("", "/") else None
                    made = family(kind, options, bucket, region)
                    # The pseudo-region of the partition `aws` stands for a real one.
                    real = "us-east-1" if region == "aws-global" else region
                    yield url.hostname, made, in_host, region if region in url.hostname else real, name


def main():
    print("# host, family, bucket, region, partition of every S3 endpoint that botocore makes; - is none.")
    print(f"# Made with botocore {botocore.__version__} by scripts/s3_endpoints.py, which says how.")
    rows = {}
    for host, kind, bucket, region, partition in endpoints():
        without = kind in ("global", "accelerate", "accelerate-dualstack", "mrap")
        # GovCloud shares hosts without a region with `aws`, which comes first.
        rows.setdefault(host, (kind, bucket or "-", "-" if without else region, partition))
    for host, row in sorted(rows.items()):
        print(host, *row)


if __name__ == "__main__":
    main()
