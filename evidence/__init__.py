"""What we can swear to: quantities with intervals, errors, atomic files, hashes, ledger, custody."""
