"""Secrets of many kinds in many positions, and what only looks like them; made from a seed."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from typing import Any

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def _of(source: random.Random, length: int, letters: str = _LETTERS) -> str:
    return "".join(source.choice(letters) for _ in range(length))


def _password(source: random.Random) -> str:
    word = source.choice(["Summer", "hunter", "Tr0ub4", "qwerty", "P@ss", "blue", "dragon"])
    return word + _of(source, source.randint(2, 6)) + source.choice(["!", "#9", "*", "7", "^3", "2024!"])


MADE: dict[str, Callable[[random.Random], str]] = {
    "cloud key": lambda r: "AKIA" + _of(r, 16, string.ascii_uppercase + string.digits),
    "code host": lambda r: "ghp_" + _of(r, 36),
    "long token": lambda r: "github_pat_" + _of(r, 22) + "_" + _of(r, 59),
    "pipeline": lambda r: "glpat-" + _of(r, 20),
    "chat bot": lambda r: f"xoxb-{_of(r, 11, string.digits)}-{_of(r, 12, string.digits)}-{_of(r, 24)}",
    "model": lambda r: "sk-ant-api03-" + _of(r, 80),
    "payments": lambda r: "sk_live_" + _of(r, 24),
    "mail": lambda r: f"SG.{_of(r, 22)}.{_of(r, 43)}",
    "registry": lambda r: "npm_" + _of(r, 36),
    "signed token": lambda r: f"eyJ{_of(r, 30)}.eyJ{_of(r, 60)}.{_of(r, 43)}",
    "maps": lambda r: "AIza" + _of(r, 35),
}
"""What is known by its form, wherever it stands."""

NAMED: dict[str, Callable[[random.Random], str]] = {
    "hex": lambda r: _of(r, 32, _HEX),
    "base64": lambda r: _of(r, 43, _LETTERS + "+/") + "=",
    "password": _password,
    "uuid": lambda r: "-".join(_of(r, n, _HEX) for n in (8, 4, 4, 4, 12)),
    "token": lambda r: _of(r, r.randint(20, 40)),
}
"""What is known by the name beside it."""

PLACES: tuple[Callable[[str], Any], ...] = (
    lambda s: {"command": f"export API_KEY={s}; make"},
    lambda s: {"command": f"API_TOKEN={s} ./deploy.sh --now"},
    lambda s: {"command": f'curl -H "Authorization: Bearer {s}" https://api.example.com/v1/x'},
    lambda s: {"command": f"curl -H 'X-Api-Key: {s}' https://x.example.com"},
    lambda s: {"command": f"curl -u admin:{s} https://x.example.com"},
    lambda s: {"command": f"mysql -u root -p{s} shop < dump.sql"},
    lambda s: {"command": f"PGPASSWORD='{s}' psql -h db -U shop"},
    lambda s: {"command": f"deploy --password {s} --region eu"},
    lambda s: {"command": f"deploy --password={s} --region eu"},
    lambda s: {"command": f'deploy --api-key "{s}"'},
    lambda s: {"command": f"docker login -u ci -p {s} registry.example.com"},
    lambda s: {"command": f"curl 'https://api.example.com/v1?api_key={s}&limit=10'"},
    lambda s: {"command": f'curl -d \'{{"client_secret": "{s}"}}\' https://x'},
    lambda s: {"command": f'curl -d "{{\\"password\\": \\"{s}\\"}}" https://x'},
    lambda s: {"command": f"aws configure set aws_secret_access_key {s}"},
    lambda s: {"command": f"kubectl create secret generic db --from-literal=password={s}"},
    lambda s: {"command": f"redis-cli -h r -a {s} ping"},
    lambda s: {"command": f"sshpass -p '{s}' ssh root@host uptime"},
    lambda s: {"command": f"openssl enc -aes-256-cbc -k {s} -in backup.tar -out backup.enc"},
    lambda s: {"command": f"zip -r -P {s} out.zip data/"},
    lambda s: {"command": f"ldapsearch -x -D cn=admin -w {s} -b dc=example"},
    lambda s: {"sql": f"CREATE USER shop IDENTIFIED BY '{s}'"},
    lambda s: {"password": s},
    lambda s: {"config": {"db": {"password": s}}},
    lambda s: {"headers": {"Authorization": f"Bearer {s}"}},
    lambda s: {"env": {"STRIPE_SECRET_KEY": s}},
    lambda s: {"env": [{"name": "DB_PASSWORD", "value": s}]},
    lambda s: {"args": ["--token", s]},
    lambda s: {"content": f"DB_HOST=db\nDB_PASSWORD={s}\nDEBUG=1\n"},
    lambda s: {"content": f"database:\n  password: {s}\n  host: db\n"},
    lambda s: {"content": f'API_SECRET = "{s}"\nDEBUG = True\n'},
    lambda s: {"diff": f'-token = "old"\n+token = "{s}"\n'},
    lambda s: {"accessToken": s},
    lambda s: {"new_string": f"const apiKey = '{s}';"},
    lambda s: {"sql": f"ALTER USER shop WITH PASSWORD '{s}'"},
)
ANYWHERE: tuple[Callable[[str], Any], ...] = (
    lambda s: {"command": f"echo {s} > f"},
    lambda s: {"body": f"Please use {s} for the call."},
    lambda s: {"x": [1, {"y": s}]},
    lambda s: {s: "x"},
)


def planted(seed: int, times: int) -> Iterator[tuple[str, Any]]:
    """Secrets, each with an input in which it stands."""
    source = random.Random(seed)
    for _ in range(times):
        for kind, make in {**MADE, **NAMED}.items():
            for place in (*PLACES, *(ANYWHERE if kind in MADE else ())):
                secret = make(source)
                yield secret, place(secret)


HARMLESS = [
    "git checkout 3f786850e387550fdab836ed7e6dc881de23001b",
    "docker pull alpine@sha256:9f3a21c09f3a21c09f3a21c09f3a21c09f3a21c09f3a21c09f3a21c09f3a21c0",
    "kubectl get secret my-app-tls -o yaml",
    "zip -r out.zip data/ && xargs -P parallel-workers < list",
    "openssl verify -k | grep -w certificate-chain",
    "the user is identified by fingerprint-of-key",
    "kubectl create secret generic db --from-file=./password.txt",
    "export TOKEN=$(cat /run/secrets/token)",
    'curl -H "Authorization: Bearer $TOKEN" https://x',
    "python train.py --max-tokens 4096 --tokenizer gpt2",
    "password = getpass.getpass('Password: ')",
    "api_key = os.environ['OPENAI_API_KEY']",
    "login(user=user, password=password, token=token)",
    "Fix password: users cannot log in",
    "feat(auth): add token refresh",
    "password: required|min:8",
    "ssh -i ~/.ssh/id_ed25519 user@host",
    "docker run -u 1000:1000 -p 8080:80 nginx",
    "mysql -u root -p shop",
    "psql -p 5432 -U shop",
    "https://example.com:8443/path?id=3&page=2",
    "ssh://git@github.com/org/repo.git",
    "postgres://user:${DB_PASSWORD}@db/shop",
    "token_type: bearer",
    "secretName: my-secret",
    '<input type="password" name="password" placeholder="Password">',
    "SELECT token, secret FROM keys WHERE id = 12345",
    "The password must have 12 characters",
    "token is 4096 long",
    "session 123e4567-e89b-12d3-a456-426614174000",
    "def authenticate(token: str, password: str) -> bool:",
    "public_key=AAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
    "next_page_token=CAUQAA",
    "PWD=/home/ann/project make",
    "bypass=1",
    "docker login -u ci --password-stdin registry",
    "aws secretsmanager get-secret-value --secret-id prod/db",
    "token: ${{ secrets.NPM_TOKEN }}",
    "password: {{ vault_db_password }}",
    "password=<your-password>",
    "API_KEY=your-api-key-here",
    "password=********",
    "task-runner-1234567890123456789012345678901234567890",
    "const token = await getToken(user);",
    "password: process.env.DB_PASSWORD",
    "monthly token budget: 100000",
    "Basic usage instructions here",
    "Cookie: theme=dark; lang=en-US",
    "ssl_key=/etc/ssl/private/key.pem",
    "TOKEN_URL=https://auth.example.com/oauth/token",
    "password='$(pass show db)'",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "arn:aws:iam::123456789012:role/deploy",
    "headers={'Authorization': f'Bearer {token}'}",
    "password VARCHAR(255) NOT NULL",
    "sasl.mechanism=SCRAM-SHA-512",
    {"max_tokens": 4096},
    {"secret_name": "db-credentials"},
    {"password": None},
    {"password": True},
    {"token": "null"},
    {"commit": "3f786850e387550fdab836ed7e6dc881de23001b"},
    {"nextToken": "eyAbc123"},
    {"password": "${DB_PASSWORD}"},
    {"private_key": "/etc/ssl/private/key.pem"},
    {"secret": "db-creds-v2"},
    {"name": "password", "type": "string"},
    {"args": ["--token", "$TOKEN"]},
    {"api_key": "OPENAI_API_KEY"},
    {"tokens": ["abc123def", "x1"]},
    {"credentials": "same-origin"},
    {"sort_key": "2024-01-01"},
]
"""What must stay as it is."""
