"""What shipping costs an account: rate tables by option, contract, zone and weight, with surcharges, by date."""
