"""An analysis that several processes, machines or jobs share."""
