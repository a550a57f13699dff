# What the targets do is in tools/bootstrap; it needs no package beyond Python itself.
PYTHON ?= python3
DESIGN ?= single-domain

help:   ## this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 16
	@echo '  DESIGN=<name>  with up, down and env: one of the designs in topologies/ (default $(DESIGN))'

up:     ## install what is missing, start the lab, bring the farm up on it with Pulumi
	@$(PYTHON) -m tools.bootstrap up --design '$(DESIGN)'

down:   ## destroy the farm and stop its lab
	@$(PYTHON) -m tools.bootstrap down --design '$(DESIGN)'

check:  ## the quick checks: style, types and the tests of the program, without the Pulumi CLI
	@$(PYTHON) -m tools.bootstrap check

test:   ## install what is missing, then style, types and every test
	@$(PYTHON) -m tools.bootstrap test

bench:  ## measure: how up and preview grow with the farm, and what a small one costs (docs/performance.md)
	@$(PYTHON) -m tools.bootstrap bench

clients: ## other SQL Server clients (JDBC, tedious, go-mssqldb, pymssql, python-tds, mssql-python) against the lab
	@$(PYTHON) -m tools.bootstrap clients

setup:  ## only install what is missing
	@$(PYTHON) -m tools.bootstrap setup

env:    ## print the environment of a shell of the lab: eval "$(make -s env)"
	@$(PYTHON) -m tools.bootstrap env --design '$(DESIGN)'

.PHONY: help up down check test bench clients setup env
