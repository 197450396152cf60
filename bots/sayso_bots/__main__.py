"""`python -m sayso_bots` is the `sayso` command."""

from sayso_bots import main

main()
