# SPDX-License-Identifier: Apache-2.0
# kube-canary. `make help` lists the targets; V=1 shows commands; products go to build/ only.

VERSION  := 0.1.0
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

CC    ?= gcc
CLANG ?= clang
# SAN=address,undefined builds into a place of its own.
BUILD ?= $(if $(SAN),build/san,build)

# What the code needs stands apart from what the user may set, so that `make CFLAGS=-g` keeps it.
# Sanitizers see as much at -O1, and it is built in two thirds of the time.
CFLAGS ?= $(if $(SAN),-O1,-O2) -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
            -Wformat=2 -Wvla -Wundef
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Iinclude -I$(BUILD) $(WARNINGS) -fno-strict-aliasing \
              -DVERSION='"$(VERSION)"' -DREVISION='"$(REVISION)"' -MMD -MP
LIBS := -lmicrohttpd -lcares -lbpf -lelf -lz
# Kernels before 6.13, without CAP_PERFMON, refuse half of a spilled register over another one.
BPF_CFLAGS := -target bpf -mllvm -no-stack-slot-sharing -mcpu=v3 -O2 -g -Wall -Wextra -Wshadow -Iinclude "-ffile-prefix-map=$(CURDIR)=." -idirafter /usr/include/$(shell uname -m)-linux-gnu -MMD -MP
ifdef WERROR
ALL_CFLAGS += -Werror
BPF_CFLAGS += -Werror
endif
ifdef SAN
# What these two guess is guessed better at -O2, without sanitizers.
ALL_CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-format-truncation -Wno-maybe-uninitialized
endif

# Where `make install` puts things. PREFIX is the same as prefix.
prefix     ?= $(or $(PREFIX),/usr/local)
bindir     ?= $(prefix)/bin
unitdir    ?= $(prefix)/lib/systemd/system
mandir     ?= $(prefix)/share/man
sysconfdir ?= /etc
bashdir    ?= $(prefix)/share/bash-completion/completions
zshdir     ?= $(prefix)/share/zsh/site-functions

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# In the order of the picture: configuration, peers, probes, the kernel, samples, statistics, exposition, HTTP.
CORE := config config_lists config_checks config_refusals options values address slot_index directory directory_names directory_zones directory_commit peers peers_slots peers_texts peers_names peers_twins peer_line zone_network mesh identity addresses reflector_sessions reflector_guards reflector_reply interface interfaces interfaces_evidence nonce samples samples_expiry direction flow_loss stats zones recent ranking turns canary canary_probes canary_counts canary_expiry canary_peers canary_mesh canary_own canary_names text metric protobuf sample_lines encoder_text encoder_openmetrics encoder_protobuf exposition families families_state families_health families_reason families_peer families_zone json findings reasons peer_view status_view api api_status page page_peers page_status accept native ping_report json_reader top_text top_fields top_data top_status top_columns top_cells top_table top_keys top_control top_draw
EDGES := discovery_file discovery_watch discovery_dns discovery_dns_channel routes routes_neighbours routes_own probe_socket prober_icmp prober_stamp prober_stamp_receive prober_stamp_stamps prober_stamp_try stand_in reflector reflector_answer wall_clock kernel attachment clsact clsact_claim chains maps http http_connections http_stream http_target http_listen gzip process footprint privileges seccomp notify loop command log
WIRING := agent_sources agent_routes agent_interfaces agent_content agent_probes agent_notices agent_manager agent_ear agent_stand_in agent loader loader_shape loader_open serving serving_manager check check_kernel check_start check_trials check_tier check_host check_ports check_clocks check_interfaces check_device ping_options ping_obstacles ping_run ping top_fetch top_screen top_print top_show top main

# A scrape of thousands of peers calls these a million times: fast even where all else is small.
SCRAPE := text protobuf sample_lines encoder_protobuf native samples samples_expiry turns canary canary_probes stats recent nonce

CORE_OBJECTS := $(CORE:%=$(BUILD)/src/%.o)
OBJECTS := $(CORE_OBJECTS) $(EDGES:%=$(BUILD)/src/%.o) $(WIRING:%=$(BUILD)/src/%.o)
# Edges that need neither root nor BPF.
EDGE_TEST_OBJECTS := $(patsubst %,$(BUILD)/src/%.o,discovery_file discovery_watch discovery_dns discovery_dns_channel routes routes_neighbours routes_own probe_socket prober_stamp prober_stamp_receive prober_stamp_stamps prober_stamp_try stand_in maps reflector reflector_answer wall_clock http http_connections http_stream http_target http_listen gzip process notify seccomp loop command ping_options log)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SIM_TESTS := $(patsubst tests/sim/%.c,$(BUILD)/tests/sim/%,$(wildcard tests/sim/test_*.c))
EDGE_TESTS := $(patsubst tests/edge/%.c,$(BUILD)/tests/edge/%,$(wildcard tests/edge/test_*.c))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
TOOLS := $(patsubst tests/e2e/%.c,$(BUILD)/tests/e2e/%,$(wildcard tests/e2e/*.c))
BENCH_TOOLS := $(addprefix $(BUILD)/tests/bench/,allocations.so bare_loop empty_hook packet_cost)
-include tests/fuzz/fuzz.mk # not in the image, which builds only the program
.DEFAULT_GOAL := all

.DELETE_ON_ERROR:
.PHONY: all help check check-rules check-unit check-sim check-edge check-bpf check-e2e check-vm check-kernels check-fuzz fuzz soak test bench bench-quick bench-tools internet-scale mesh-table metrics-table lint format tools clean release image check-release man completion install uninstall
.SECONDARY:

all: $(BUILD)/kube-canary ## build the program

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | column -t -s'|'

$(BUILD)/kube-canary: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/src/%.o: src/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(if $(filter $*,$(SCRAPE)),$(SCRAPE_CFLAGS)) -c -o $@ $<

$(BUILD)/canary.bpf.o: bpf/canary.bpf.c
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MT $@ -MF $(@:.o=.d) -c -o $@.tmp $<
	$(Q)bpftool gen object $@ $@.tmp
	@rm $@.tmp

$(BUILD)/canary.skel.h: $(BUILD)/canary.bpf.o
	$(call say,SKEL,$@)
	$(Q)bpftool gen skeleton $< name canary_bpf > $@

$(BUILD)/src/kernel.o: $(BUILD)/canary.skel.h

$(BUILD)/page_pieces.h: scripts/embed-page $(wildcard src/page/*)
	$(call say,PAGE,$@)
	@mkdir -p $(@D)
	$(Q)scripts/embed-page src/page > $@

$(BUILD)/src/page.o: $(BUILD)/page_pieces.h

$(BUILD)/tests/unit/%: tests/unit/%.c $(CORE_OBJECTS)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS) -lcmocka -lm

$(BUILD)/tests/sim/%: tests/sim/%.c $(CORE_OBJECTS)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS) -lcmocka

$(BUILD)/tests/edge/%: tests/edge/%.c $(CORE_OBJECTS) $(EDGE_TEST_OBJECTS)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS) $(EDGE_TEST_OBJECTS) -lcmocka -lmicrohttpd -lcares -lz

# What it calls is made up there.
$(BUILD)/tests/edge/test_agent_probes: tests/edge/test_agent_probes.c $(BUILD)/src/agent_probes.o $(BUILD)/src/address.o
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.h,$^) -lcmocka

$(BUILD)/tests/bpf/%: tests/bpf/%.c $(BUILD)/canary.skel.h $(CORE_OBJECTS)
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS) -lcmocka -lbpf -lelf -lz

$(BUILD)/tests/e2e/%: tests/e2e/%.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/tests/e2e/page_server: tests/e2e/page_server.c $(CORE_OBJECTS)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS)

$(BUILD)/tests/bench/mesh_table: tests/bench/mesh_table.c $(BUILD)/src/mesh.o
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/src/mesh.o -lm

$(BUILD)/tests/soak/clock.so: tests/soak/clock.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -shared -fPIC -o $@ $<

$(BUILD)/tests/bench/packet_cost: tests/bench/packet_cost.c $(BUILD)/canary.skel.h $(CORE_OBJECTS)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS) -lcmocka -lbpf -lelf -lz

$(BUILD)/tests/bench/empty_hook: tests/bench/empty_hook.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lbpf -lelf -lz

$(BUILD)/tests/bench/%.so: tests/bench/%.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/tests/bench/%: tests/bench/%.c
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# They show the state of the golden files.
$(BUILD)/tests/bench/metrics_%: tests/bench/metrics_%.c $(CORE_OBJECTS)
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -o $@ $< $(CORE_OBJECTS) -lcmocka

tools: $(TOOLS) $(BUILD)/tests/soak/clock.so $(BUILD)/tests/bench/metrics_dump ## build the helpers of the end-to-end tests (relay, forger)

check: all check-unit check-sim check-edge $(BUILD)/tests/bench/metrics_table ## tests that need no root
	$(Q)scripts/check-layering
	$(Q)scripts/check-limits
	$(Q)BUILD=$(BUILD) scripts/check-readme
	$(Q)for t in tests/bench/test_*.py; do python3 -B $$t || exit 1; done

check-unit: $(UNIT_TESTS) ## one file per core module
	$(Q)for t in $(UNIT_TESTS); do $$t || exit 1; done

check-sim: $(SIM_TESTS) ## fake clock and network drive the core
	$(Q)for t in $(SIM_TESTS); do $$t || exit 1; done

check-edge: $(EDGE_TESTS) ## files, logs, loop, HTTP on loopback
	$(Q)for t in $(EDGE_TESTS); do $$t || exit 1; done

check-bpf: $(BPF_TESTS) ## BPF_PROG_TEST_RUN over packet fixtures (root)
	$(Q)for t in $(BPF_TESTS); do $$t || exit 1; done

check-e2e: all tools ## namespaces, real traffic (root)
	$(Q)tests/e2e/run

check-fuzz: $(FUZZERS) ## every fuzzer: its corpus, then a few seconds (root: against the kernel too)
	$(Q)BUILD=$(BUILD) tests/fuzz/run check

FUZZ_SECONDS ?= 60
fuzz: $(FUZZERS) ## every fuzzer for FUZZ_SECONDS (60); FUZZERS=build/fuzz/fuzz_X for one; findings in build/fuzz
	$(Q)BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run long $(FUZZERS)

check-rules: ## the chart's rules and dashboards, as far as they need no mesh
	$(Q)tests/rules/run
	$(Q)tests/dashboards/run

check-vm: all $(BPF_TESTS) ## an older stock kernel, without TCX, in a virtual machine
	$(Q)BUILD=$(BUILD) tests/vm/run

# Of the release, which is made first if KUBE_CANARY names no program.
check-kernels: $(BPF_TESTS) ## the same with 1 and 4 CPUs, and netem, from the release; KERNELS='6.1:4 6.12:4' for others
	$(Q)[ -n "$(KUBE_CANARY)" ] || $(MAKE) --no-print-directory release
	$(Q)BUILD=$(BUILD) KUBE_CANARY=$(or $(KUBE_CANARY),build/release/kube-canary) tests/vm/matrix $(KERNELS)

SOAK_SECONDS ?= 1800
soak: all tools ## a long run under faults by chance, at least 500 in 30 minutes (root)
	$(Q)BUILD=$(BUILD) tests/soak/run --seconds $(SOAK_SECONDS)

test: check check-bpf check-e2e ## all tiers (root)

bench: bench-tools ## everything measured against ping, fping, smokeping-prober and blackbox-exporter, in 20 minutes (root)
	$(Q)BUILD=$(BUILD) tests/bench/run

bench-quick: bench-tools ## the same in two minutes, and rougher
	$(Q)BUILD=$(BUILD) tests/bench/run --quick

# What is measured is the release; packages come first, since nothing builds without.
bench-tools:
	$(Q)scripts/install-packages bench >&2
	$(Q)$(MAKE) --no-print-directory all $(TOOLS) $(BENCH_TOOLS) >&2
	$(Q)$(MAKE) --no-print-directory release >&2

internet-scale: $(BUILD)/tests/bench/mesh_table ## the tables of what 100 to 50,000 nodes cost
	$(Q)BUILD=$(BUILD) tests/bench/internet_scale.py

mesh-table: $(BUILD)/tests/bench/mesh_table ## the tables of the README's section on scale
	$(Q)$<

lint: $(BUILD)/canary.skel.h $(BUILD)/page_pieces.h ## clang-format, clang-tidy, cppcheck, shellcheck
	$(Q)scripts/lint

format: ## rewrites the sources in the house style
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

man: $(BUILD)/kube-canary.8 ## the man page, with the options that the program tells

$(BUILD)/kube-canary.8: scripts/kube-canary.8.in scripts/man-page $(BUILD)/kube-canary
	$(call say,MAN,$@)
	$(Q)scripts/man-page $(BUILD)/kube-canary < $< > $@

completion: $(BUILD)/completion.bash $(BUILD)/completion.zsh ## of the command line, in bash and zsh

$(BUILD)/completion.%: scripts/completion $(BUILD)/kube-canary
	$(call say,SHELL,$@)
	$(Q)scripts/completion $* $(BUILD)/kube-canary > $@

# The unit names the program where it will be, not where it is put for a package.
install: all man completion ## program, unit, man page, completion, /etc/default/kube-canary; prefix, bindir, unitdir, mandir, DESTDIR
	install -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(unitdir)" "$(DESTDIR)$(mandir)/man8" "$(DESTDIR)$(sysconfdir)/default"
	install -m 755 $(BUILD)/kube-canary "$(DESTDIR)$(bindir)/kube-canary"
	sed 's|/usr/local/bin/|$(bindir)/|; s|/etc/default/|$(sysconfdir)/default/|' scripts/systemd/kube-canary.service > $(BUILD)/kube-canary.service
	install -m 644 $(BUILD)/kube-canary.service "$(DESTDIR)$(unitdir)/kube-canary.service"
	install -m 644 $(BUILD)/kube-canary.8 "$(DESTDIR)$(mandir)/man8/kube-canary.8"
	install -D -m 644 $(BUILD)/completion.bash "$(DESTDIR)$(bashdir)/kube-canary"
	install -D -m 644 $(BUILD)/completion.zsh "$(DESTDIR)$(zshdir)/_kube-canary"
	[ -e "$(DESTDIR)$(sysconfdir)/default/kube-canary" ] || \
		install -m 644 scripts/systemd/kube-canary.default "$(DESTDIR)$(sysconfdir)/default/kube-canary"

uninstall: ## takes away what install put there, but the options in /etc/default/kube-canary
	rm -f "$(DESTDIR)$(bindir)/kube-canary" "$(DESTDIR)$(unitdir)/kube-canary.service" \
		"$(DESTDIR)$(mandir)/man8/kube-canary.8" "$(DESTDIR)$(bashdir)/kube-canary" "$(DESTDIR)$(zshdir)/_kube-canary"

release: ## build/release/kube-canary: static, small, the same bytes wherever it is made; ARCH=arm64 for another machine
	$(Q)REVISION=$(REVISION) scripts/build-release $(ARCH)

IMAGE ?= kube-canary:$(VERSION)
image: ## the program alone in an image, named IMAGE, by buildah or docker
	$(Q)$(or $(notdir $(shell command -v buildah)),docker) build --build-arg REVISION=$(REVISION) --tag $(IMAGE) .

check-release: ## the release build and its image (root, network for Debian's packages)
	$(Q)tests/release/run

clean: ## removes build/
	rm -rf build

-include $(wildcard $(BUILD)/*.d $(BUILD)/src/*.d $(BUILD)/tests/*/*.d)
