/* SPDX-License-Identifier: Apache-2.0 */
/* gzip in fixed memory: zlib's own decoder gets back what went in, however it was cut. */
#include "unit/cmocka_all.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "gzip.h"

#define CAPACITY (512 * 1024)

static char input[CAPACITY];
static char packed[2 * CAPACITY];
static char unpacked[CAPACITY + 1];

/* Rows as they are exported. */
static size_t fill_with_rows(unsigned int *seed, size_t capacity)
{
	size_t length = 0;

	while (length + 128 < capacity)
		length += (size_t)sprintf(
			&input[length],
			"kube_canary_rtt_seconds_bucket{peer=\"node-%d\",le=\"%d\"} "
			"%d\n",
			(int)(length / 3000), (int)(length / 100 % 26), rand_r(seed) % 1000);
	return length;
}

static size_t fill_with_noise(unsigned int *seed, size_t capacity)
{
	for (size_t i = 0; i < capacity; i++)
		input[i] = (char)rand_r(seed);
	return capacity;
}

/* Pieces of up to so many octets on either side; the last is told with or after the input. */
static size_t pack(struct gzip *gzip, size_t length, unsigned int *seed, size_t in_max,
		   size_t out_max)
{
	size_t taken = 0;
	size_t packed_length = 0;
	bool finished = false;

	while (!finished) {
		const char *at = &input[taken];
		size_t left = 1 + (size_t)rand_r(seed) % in_max;
		size_t room = 1 + (size_t)rand_r(seed) % out_max;
		bool last = taken == length || (taken + left >= length && rand_r(seed) % 2);

		left = left < length - taken ? left : length - taken;
		taken += left;
		packed_length += gzip_write(gzip, &at, &left, last, &packed[packed_length], room,
					    &finished);
		assert_ptr_equal(at, &input[taken - left]);
		taken -= left;
		assert_true(packed_length <= sizeof(packed));
		assert_false(finished && taken < length);
	}
	return packed_length;
}

static void check_unpacked(size_t packed_length, size_t length)
{
	z_stream state = { .next_in = (void *)packed,
			   .avail_in = (unsigned int)packed_length,
			   .next_out = (void *)unpacked,
			   .avail_out = sizeof(unpacked) };

	assert_int_equal(inflateInit2(&state, 16 + 15), Z_OK);
	assert_int_equal(inflate(&state, Z_FINISH), Z_STREAM_END);
	assert_int_equal(state.avail_in, 0);
	assert_int_equal(state.total_out, length);
	assert_memory_equal(unpacked, input, length);
	inflateEnd(&state);
}

static void what_goes_in_comes_out(void **state)
{
	static const struct {
		size_t in_max;
		size_t out_max;
		size_t length;
	} cases[] = { { 24576, 8192, CAPACITY }, { 24576, 1, 20000 }, { 1, 8192, 20000 },
		      { 7, 11, 20000 },		 { 1, 1, 300 },	      { 10, 10, 0 },
		      { 24576, 1024, CAPACITY } };
	unsigned int seed = (unsigned int)getpid();
	struct gzip *gzip = malloc(sizeof(*gzip));

	(void)state;
	print_message("seed %u\n", seed);
	assert_non_null(gzip);
	memset(gzip, 0xa5, sizeof(*gzip)); /* it may come from anywhere */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int noise = 0; noise < 2; noise++) {
			size_t length = noise ? fill_with_noise(&seed, cases[i].length)
					      : fill_with_rows(&seed, cases[i].length);
			size_t packed_length;

			assert_int_equal(gzip_begin(gzip), 0);
			packed_length = pack(gzip, length, &seed, cases[i].in_max,
					     cases[i].out_max);
			check_unpacked(packed_length, length);
		}
	}
	free(gzip);
}

static void rows_become_small(void **state)
{
	unsigned int seed = 1;
	struct gzip *gzip = malloc(sizeof(*gzip));
	size_t length = fill_with_rows(&seed, CAPACITY);
	size_t packed_length;

	(void)state;
	assert_non_null(gzip);
	assert_int_equal(gzip_begin(gzip), 0);
	packed_length = pack(gzip, length, &seed, 24576, 8192);
	print_message("%zu octets become %zu, with %zu of memory\n", length, packed_length,
		      gzip->used);
	assert_true(packed_length < length / 8);
	assert_true(gzip->used <= GZIP_BYTES);
	free(gzip);
}

/* It takes all its memory when it begins. */
static void one_that_is_left_is_begun_anew(void **state)
{
	unsigned int seed = 2;
	struct gzip *gzip = malloc(sizeof(*gzip));
	size_t length = fill_with_rows(&seed, CAPACITY);
	size_t used = 0;

	(void)state;
	assert_non_null(gzip);
	for (int i = 0; i < 50; i++) {
		const char *at = input;
		size_t left = (size_t)rand_r(&seed) % CAPACITY;
		bool finished = false;

		assert_int_equal(gzip_begin(gzip), 0);
		assert_true(i == 0 || gzip->used == used);
		used = gzip->used;
		(void)gzip_write(gzip, &at, &left, i % 2, packed, 1000, &finished);
		assert_int_equal(gzip->used, used);
	}
	assert_int_equal(gzip_begin(gzip), 0);
	check_unpacked(pack(gzip, length, &seed, 24576, 8192), length);
	free(gzip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(rows_become_small),
		cmocka_unit_test(one_that_is_left_is_begun_anew),
	};

	return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
