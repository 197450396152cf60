"""A deploy script that acts only on a receipt for exactly its arguments. It needs PyJWT and rfc8785, nothing of ours.

RECEIPT=… SAYSO_URL=https://sayso.example.com python3 deploy.py production 1.4.2
"""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

import jwt
import rfc8785

SERVICE = os.environ["SAYSO_URL"]
AUDIENCE = "sayso"


def check(receipt: str, tool: str, arguments: dict[str, str]) -> None:
    """End here, unless somebody allowed exactly this."""
    # kept at deploy time in real life: then nobody is asked
    with urllib.request.urlopen(f"{SERVICE}/.well-known/jwks.json") as response:
        keys = jwt.PyJWKSet.from_dict(json.load(response))
    try:
        key = keys[jwt.get_unverified_header(receipt)["kid"]]
        said = jwt.decode(receipt, key, algorithms=["EdDSA"], audience=AUDIENCE)
    except (jwt.PyJWTError, KeyError) as error:
        sys.exit(f"refused: no good receipt ({error})")
    call = rfc8785.dumps({"tool": tool, "input": arguments})
    if said["digest"] != "sha256:" + hashlib.sha256(call).hexdigest():
        sys.exit("refused: the receipt allows something else")


def use(receipt: str) -> None:
    """Use it up. End here if it was used before."""
    body = json.dumps({"receipt": receipt}).encode()
    asked = urllib.request.Request(f"{SERVICE}/v1/receipts/use", body, {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(asked).close()
    except urllib.error.HTTPError as error:
        sys.exit(f"refused: {json.load(error)['error']['message']}")


def main(environment: str, version: str) -> None:
    """Deploy, if that was allowed."""
    receipt = os.environ.get("RECEIPT", "")
    check(receipt, "deploy", {"environment": environment, "version": version})
    use(receipt)
    sys.stdout.write(f"deploying {version} to {environment}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
