"""Questions and orders to a gateway that runs, through a Unix socket: `siprtmp status`, `siprtmp drain`."""
