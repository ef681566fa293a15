# SPDX-License-Identifier: Apache-2.0
# The fuzzers: libFuzzer with ASan and UBSan, one for each parser of outside bytes.
# A fuzzer takes what it needs of src/ from an archive; what it includes itself, with a kernel of its own, is left out.

FUZZ := $(BUILD)/fuzz
FUZZ_CLANG := $(CLANG)
FUZZ_SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer $(FUZZ_SANITIZE) $(FUZZ_COVERAGE)
FUZZ_OBJECTS := $(patsubst %,$(FUZZ)/src/%.o,$(CORE) $(filter-out kernel attachment clsact maps footprint privileges,$(EDGES)) serving_manager)
FUZZERS := $(patsubst tests/fuzz/%.c,$(FUZZ)/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZ)/src/%.o: src/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(ALL_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ)/src/page.o: $(BUILD)/page_pieces.h

$(FUZZ)/parsers.a: $(FUZZ_OBJECTS)
	$(Q)rm -f $@ && ar rcs $@ $^

# The programs of the kernel as functions of this process: bpf/ with helpers of our own before libbpf's.
$(FUZZ)/programs.o: tests/fuzz/bpf/programs.c $(wildcard bpf/* tests/fuzz/bpf/*/*)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) -std=gnu11 -Itests/fuzz/bpf -iquote tests/fuzz -Ibpf -Iinclude -Wall -Wextra -Wno-pass-failed -fcommon -fno-strict-aliasing -MMD -MP $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ)/fuzz_bpf: $(FUZZ)/programs.o $(BUILD)/canary.skel.h
$(FUZZ)/fuzz_bpf: FUZZ_EXTRA := $(FUZZ)/programs.o -lcmocka -lbpf -lelf -lz

$(FUZZ)/fuzz_reflector: $(FUZZ)/programs.o
$(FUZZ)/fuzz_reflector: FUZZ_EXTRA := $(FUZZ)/programs.o

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ)/parsers.a
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(ALL_CFLAGS) -Itests -Itests/fuzz $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ)/parsers.a $(FUZZ_EXTRA) -lmicrohttpd -lcares -lz

-include $(wildcard $(FUZZ)/*.d $(FUZZ)/src/*.d)
