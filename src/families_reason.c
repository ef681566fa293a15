/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of families that tell counts apart by a reason, or by what it was. Must not know how
 * rows are cut into blocks.
 */
#include "families.h"

/* Counters of one family, told apart by the label `reason`. */
struct reason {
	const char *name;
	size_t offset; /* in struct kc_counters */
};

static const struct reason rejections[FAMILY_REJECTIONS] = {
	{ "source", offsetof(struct kc_counters, rejected_source) },
	{ "truncated", offsetof(struct kc_counters, rejected_truncated) },
	{ "nonce", offsetof(struct kc_counters, rejected_nonce) },
	{ "checksum", offsetof(struct kc_counters, rejected_checksum) },
	{ "unstamped", offsetof(struct kc_counters, rejected_unstamped) },
	{ "residence", offsetof(struct kc_counters, rejected_residence) },
};

static const struct reason refusals[FAMILY_REFUSALS] = {
	{ "host", offsetof(struct kc_counters, refused_host) },
	{ "destination", offsetof(struct kc_counters, refused_destination) },
	{ "source", offsetof(struct kc_counters, refused_source) },
	{ "port", offsetof(struct kc_counters, refused_port) },
	{ "loop", offsetof(struct kc_counters, refused_loop) },
	{ "options", offsetof(struct kc_counters, refused_options) },
	{ "length", offsetof(struct kc_counters, refused_length) },
	{ "socket", offsetof(struct kc_counters, refused_socket) },
	{ "checksum", offsetof(struct kc_counters, refused_checksum) },
	{ "rate", offsetof(struct kc_counters, refused_rate) },
	{ "failed", offsetof(struct kc_counters, refused_failed) },
};

void family_write_rejected(const struct family *family, const struct exposition *exposition,
			   uint32_t row, struct text *text)
{
	row_write_count(family, text, "{reason=\"", rejections[row].name,
			family_counter(exposition, rejections[row].offset));
}

void family_write_reflect_refused(const struct family *family, const struct exposition *exposition,
				  uint32_t row, struct text *text)
{
	row_write_count(family, text, "{reason=\"", refusals[row].name,
			family_counter(exposition, refusals[row].offset));
}

void family_write_identities_refused(const struct family *family,
				     const struct exposition *exposition, uint32_t row,
				     struct text *text)
{
	(void)row;
	row_write_count(family, text, "{reason=\"", "taken", *exposition->names_taken);
	row_write_count(family, text, "{reason=\"", "invalid", *exposition->names_invalid);
	row_write_count(family, text, "{reason=\"", "changing", *exposition->names_changing);
}

void family_write_send_error(const struct family *family, const struct exposition *exposition,
			     uint32_t row, struct text *text)
{
	static const char *const reasons[SEND_ERRORS] = {
		[SEND_ERROR_UNREACHABLE] = "unreachable", [SEND_ERROR_PERMISSION] = "permission",
		[SEND_ERROR_TOO_LARGE] = "too_large",	  [SEND_ERROR_NO_BUFFER] = "no_buffer",
		[SEND_ERROR_WINDOW_FULL] = "window_full", [SEND_ERROR_OTHER] = "other",
	};

	row_write_count(family, text, "{reason=\"", reasons[row], exposition->send_errors[row]);
}

void family_write_capacity_exceeded(const struct family *family,
				    const struct exposition *exposition, uint32_t row,
				    struct text *text)
{
	(void)row;
	row_write_count(family, text, "{what=\"", "addresses", *exposition->unplaced);
	row_write_count(family, text, "{what=\"", "interfaces",
			interfaces_left_out(exposition->interfaces));
	row_write_count(family, text, "{what=\"", "ring",
			family_counter(exposition, offsetof(struct kc_counters, ring_full)));
	row_write_count(family, text, "{what=\"", "names",
			directory_totals(exposition->directory)->names_dropped);
	row_write_count(family, text, "{what=\"", "zones",
			directory_totals(exposition->directory)->zones_dropped);
}
