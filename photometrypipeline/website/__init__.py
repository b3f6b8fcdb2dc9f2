"""The pages: from the records of the steps to what is seen."""
