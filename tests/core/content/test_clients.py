"""Where programs take secrets, as a table of commands, and what of them stays in sight."""

from __future__ import annotations

import re

from sayso.content import command_line, masks
from tests.tables import each

MASKS = masks.Masks(b"k" * 32)
MASK = re.compile(r"•{4}(\d+):([0-9a-f]{8})•{4}")
S = "Wq8vN3xTz5LmP0rK"
HEX = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"

# Each holds the secret, or one of the two above.
TAKEN = (
    # addresses that work for whoever has them
    f"curl 'https://s3.amazonaws.com/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={HEX}'",
    f"curl https://storage.googleapis.com/b/o?X-Goog-Date=a&X-Goog-Signature={HEX} -o x",
    f"azcopy copy 'https://a.blob.core.windows.net/c?sv=2022-11-02&sig={S}%3D&se=2024' .",
    f"https://d111.cloudfront.net/f?Policy=eyJTdGF0_&Signature={S}~x1&Key-Pair-Id=K2JCJMDEHXQW5F",
    f"https://maps.example/api?key={S}{S}",
    # cookies
    f"curl -b session={S} https://x.example/",
    f"curl -b 'theme=dark; sid={S}' https://x.example/",
    f"curl -bsid={S} https://x.example/",
    f"curl --cookie 'sid={S}' https://x.example/",
    f"curl --cookie=sid={S} https://x.example/",
    f"curl -H 'Cookie: sid={S}; lang=de' https://x.example/",
    f"Set-Cookie: sid={S}; Path=/; HttpOnly",
    # files of passwords, and what writes them
    f"db.example.com:5432:shop:ann:{S}",
    f"echo '*:*:*:postgres:{S}' >> ~/.pgpass",
    f"htpasswd -b .htpasswd ann {S}",
    f"htpasswd -cb /etc/nginx/.htpasswd ann {S}",
    f"htpasswd -nb ann {S}",
    f"echo 'root:{S}' | chpasswd",
    f"echo root:{S} | sudo chpasswd",
    f"chpasswd <<< 'ann:{S}'",
    f"echo {S} | passwd --stdin ann",
    f"echo '{S}!' | sudo -S reboot",
    f"usermod -p '{S}' ann",
    f"requirepass {S}\nport 6379\n",
    # programs that log in
    f"gh auth login --with-token <<< {S}",
    f"echo {S} | gh auth login --with-token",
    f'bash -c "set -e\\necho {S} | gh auth login --with-token"',
    f"echo {S} | docker login -u ann --password-stdin",
    f"printf '%s' '{S}' | docker login -u ann --password-stdin",
    f"docker login --username ann -p {S} registry.example",
    f"az login --service-principal -u app --password {S}",
    f"sshpass -p {S} ssh ann@host",
    f"vault login {S}",
    f"cargo login {S}",
    f"doctl auth init -t {S}",
    f"twine upload -u ann -p {S} dist/x",
    f"poetry config pypi-token.pypi {S}",
    f"mc alias set s https://x KEYID {S}",
    f"plink -ssh ann@host -pw {S}",
    f"docker login -u $(whoami) -p {S} registry.example",
    f"mysql -u $(cat user | head -1) -p{S} shop",
    f"sudo docker login -u ann -p {S}",
    f"docker login registry.example \\\n  -u ann \\\n  -p {S}",
    f"curl \\\r\n  -u ann:{S} https://x",
    f"vault kv put secret/x \\\n  foo={S}",
    f"docker exec -it db mysql -u mysql -p{S} shop",
    # databases
    f"mysqldump -u root -p{S} shop",
    f"mongosh -u ann -p {S} mongodb://host",
    f"redis-cli -a {S} ping",
    f"redis-cli AUTH {S}",
    f"redis-cli AUTH ann {S}",
    f"sqlcmd -S host -U sa -P {S}",
    f"sqlcmd -S host -U sa -P'{S}'",
    f"sqlplus scott/{S}@db",
    f"jdbc:oracle:thin:scott/{S}@host",
    f"psql postgres://ann:{S}@host/db",
    f"rabbitmqctl add_user ann {S}",
    f"CREATE LOGIN ann WITH PASSWORD = N'{S}'",
    # stores of secrets
    f"kubectl -n x create secret generic s --from-literal=k={S}",
    f"kubectl create secret generic s --from-literal=k='{S}' --from-literal=l=\"{S}\"",
    f"kubectl create secret generic s --from-literal 'user=ann' --from-literal 'k={S}'",
    f"vault write auth/userpass/users/ann password={S}",
    f"vault kv put secret/x user=ann foo={S}",
    f"gh secret set NAME --body {S}",
    f"gh secret set NAME -b'{S}'",
    f"aws secretsmanager put-secret-value --secret-id x --secret-string {S}",
    f"aws ssm put-parameter --type SecureString --name x --value {S}",
    f"ansible-vault encrypt_string '{S}'",
    # keys and archives
    f"gpg --batch --passphrase {S} -d f",
    f"ssh-keygen -t ed25519 -N '{S}' -f k",
    f"keytool -genkey -storepass {S} -keypass {S}",
    f"7z a -p{S} x.7z d",
    # other programs
    f"curl -H 'Authorization: token {S}' https://x",
    f"http -a ann:{S} GET https://x",
    f"smbclient //host/s -U ann%{S}",
    f"net user ann {S} /add",
    f"cmdkey /add:host /user:ann /pass:{S}",
    f'ConvertTo-SecureString "{S}" -AsPlainText -Force',
    f"ConvertTo-SecureString -String '{S}' -AsPlainText -Force",
    f"deploy --verbose --password {S}",
    # names
    f"ASANA_PAT={S} node x.js",
    f"BORG_PASSPHRASE={S} borg list",
    f"ROOT_PW={S}",
    f"wpa_psk={S}",
    f'{{"seedPhrase": "{S}"}}',
    # a name and its value beside each other
    f"<server>\n  <id>x</id>\n  <password>{S}</password>\n</server>",
    f'<add key="ApiKey" value="{S}"/>',
    f"- name: DB_PASSWORD\n  value: {S}\n",
    f'environment {{\n  name  = "X"\n}}\nname = "DB_PASSWORD"\n  value = "{S}"',
)

STAYS = (
    # options of the same letters
    "docker run -p 8080:80 nginx",
    "ssh -p 2222 ann@host1",
    "mkdir -p build/a1b2",
    "git checkout -b feature-a1b2c3",
    "git push -u origin branch-12345",
    "gh pr create -b 'fixes issue12345'",
    "redis-cli -p 6379 ping1",
    "redis-cli --password",
    "http --auth-type=bearer12:x1y2 https://x",
    "psql -p 5432 -U ann1",
    "mysql -p shop1",
    "cp -P a1b2c3 b1c2d3",
    "scp -P 2222 a1 b1",
    "grep -P pattern12 file1",
    "ssh -N host1234",
    "usermod -aG docker12 ann1",
    "curl -E cert1.pem https://x12",
    "snmpwalk -v2c -c public host1",
    "aws ssm put-parameter --type String --value abc12345",
    "kubectl create configmap c --from-literal=color=blue12",
    "poetry config virtualenvs.create false12",
    "net user ann1 /active:no1",
    # programs that another one starts, or that only have a name in common with one
    "docker exec mongo mkdir -p backup12",
    "kubectl exec mongo -- cp -p file12 target",
    "ssh mongo mkdir -p data12",
    "sudo -u mysql mkdir -pv12",
    "sudo -u mysql tar -pxvzf shop12.tgz",
    "docker exec mysql perl -pi.bak -e x",
    "docker run --name curl -u root:wheel12 curl",
    # files
    "curl -b cookies1.txt https://x",
    "curl --cookie-jar jar1.txt https://x",
    "mysql --password-file=file1",
    "tool --password-file /run/file1",
    "htpasswd -c file1 ann12",
    "vault write sys/policy/x1 policy=@file1",
    "vault kv put -mount=secret1 x @file1",
    "docker login --password-stdin < file1",
    # what only stands for a secret
    "curl -u $USER:$PASS https://x",
    "sshpass -p $PW ssh host1",
    "redis-cli -a $REDIS_PASS ping",
    "htpasswd -b file1 ann12 $PW",
    "ConvertTo-SecureString $env:PW12",
    "pw=$(pass show x1)",
    "vault login -method=userpass username=ann12",
    "cargo login --registry reg1",
    # sentences
    "the sig of ann1 is at the end",
    "?sig in prose and &key of a map",
    "AT&T psk or pw in prose",
    "Failed to set PSK identity hint. Hint may be too long.",
    '("pass", "pw", "psk", "phrase")',
    "requirepass must be set before 12ab",
    "--with-token is documented12",
    "Signature=base64 of file1",
    # addresses, times, lines of code
    "127.0.0.1:5432:5432",
    "12:30:45:10:20",
    "00:11:22:33:44:55",
    "fe80::1:5432:ab:cd:ef12",
    "a.py:12:foo:bar:bazqux",
    "https://x/?key=550e8400-e29b-41d4-a716-446655440000",
    "https://x?key=photos/2024/01/holiday1.jpg",
    "https://x/?code=US12345678901234",
    "pat = 'a1b2c3*'",
    "file_pat=abc123",
    "<name>ann1234</name>",
    "name: color\nvalue: blue1234",
)

ACTS = (
    ("echo reboot12 | sudo -S sh", "reboot12"),
    ("echo reboot12 | sudo -S -s", "reboot12"),
    ("sudo -s <<< reboot12", "reboot12"),
    ("echo data12 | xargs rm -rf -- --with-token", "data12"),
    ("echo data12 | docker run -i alpine xargs rm -rf -- --with-token", "data12"),
    ("rm -rf -- redis-cli -a data12", "data12"),
    ("rm -rf -- vault login data12", "data12"),
    ("sshpass \\\\\ncommand -p reboot12", "reboot12"),
    ("docker exec mongo command -p reboot12", "reboot12"),
    ("function sshpass { command -p reboot12; }", "reboot12"),
    ("sshpass $(time -p reboot12)", "reboot12"),
    ("mysql `command -preboot12`", "reboot12"),
    ("vault kv put x a=$(LD_PRELOAD=evil12.so sh)", "evil12.so"),
    ("eval sh docker login <<< reboot12", "reboot12"),
    ("chpasswd $(sh <<< a:reboot12)", "reboot12"),
    ("echo reboot12 | docker login $(sh) --password-stdin", "reboot12"),
    ("source > echo reboot12 | docker login --password-stdin", "reboot12"),
    ("> \\\n echo reboot12 | passwd --stdin", "reboot12"),
    ("A=password: reboot12", "reboot12"),
    ("bash <<< \\\n --password reboot12", "reboot12"),
    ("$X <<<--password reboot12", "reboot12"),
    ("A[0]=password: reboot12", "reboot12"),
    ("A='api token': reboot12", "reboot12"),
    ("A=--password reboot12", "reboot12"),
    (">password: reboot12", "reboot12"),
    (">|password: 'reboot12'", "reboot12"),
    ("<<<token: reboot12", "reboot12"),
    ("A=requirepass reboot12", "reboot12"),
    ("> sqlplus bin/reboot12", "reboot12"),
    ("bash <<< }echo reboot12 | passwd --stdin", "reboot12"),
    ("A=echo reboot12 | passwd --stdin", "reboot12"),
    ("exec -a echo reboot12 | docker login --password-stdin", "reboot12"),
    ("echo reboot12 | gh secret set `sh`", "reboot12"),
    ("echo reboot12 | passwd --stdin <(sh)", "reboot12"),
    ("xargs rm -rf docker login <<< data12", "data12"),
    ("touch -- htpasswd -b a b data12", "data12"),
    ("xargs -I --password reboot12", "reboot12"),
    ("&sig=reboot1234567 && $sig", "reboot1234567"),
    ("cat <password>x1y2z3</password>y", "x1y2z3"),
    ("cat <password>x1y2z3</password><(reboot)", "x1y2z3"),
    ("<password>x1y2z3</password>y rm", "x1y2z3"),
    ("name=DB_PASSWORD value=reboot12 ls; $value", "reboot12"),
    ("name=DB_PASSWORD value= reboot12", "reboot12"),
    ('curl -b "x"; LD_PRELOAD=/tmp/evil12.so ls', "evil12"),
    ("curl -b 'a=1; LD_PRELOAD=./evil1234' x", "evil1234"),
    ("curl -b X=reboot1234 x; $X", "reboot1234"),
    ("7z a -pabcd1234;reboot", ";reboot"),
    ("vault kv put x a=b1b2b3$(reboot)", "$(reboot)"),
    ("htpasswd -b a b abcd1234`reboot`", "`reboot`"),
)


def test_a_secret_is_covered_where_a_program_takes_it() -> None:
    for row in each(TAKEN):
        with row as said:
            shown = MASKS.text(said)
            assert S not in shown
            assert HEX not in shown


def test_what_is_no_secret_stays_in_the_same_commands() -> None:
    for row in each(STAYS):
        with row as said:
            assert MASKS.text(said) == said


def test_what_acts_stays_where_a_secret_may_stand() -> None:
    for row in each(ACTS):
        with row as (said, seen):
            assert seen in MASKS.text(said)


def words(command: str) -> list[int]:
    return [len(one.words) for one in command_line.read(command)]


def test_a_command_with_masks_has_the_words_of_the_command() -> None:
    for row in each(f"{said}{then}" for said in TAKEN for then in ("", " && rm -rf /", "; ls | sh", " $(id)", " > x")):
        with row as said:
            shown = MASKS.text(said)
            assert words(MASK.sub("x", shown)) == words(said)
            # outside masks it is the command, sign for sign
            assert re.fullmatch(".*".join(map(re.escape, MASK.split(shown)[::3])), said, re.DOTALL)


def test_an_argument_is_covered_by_the_same_names() -> None:
    for row in each(("ROOT_PW", "wpa_psk", "GITHUB_PAT", "seedPhrase", "recoveryKey")):
        with row as name:
            assert S not in str(MASKS.value({name: S}))
    assert MASKS.value({"pat": S, "phrase": S}) == {"pat": S, "phrase": S}
