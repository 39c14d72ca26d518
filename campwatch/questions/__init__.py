"""Questions declared before anybody has looked, answered from the ledger, both kept in custody."""
