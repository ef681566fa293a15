/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of families that tell counts apart by a reason, or by what it was. Must not know a
 * format.
 */
#include "families.h"
#include "reasons.h"

static const struct reason rejections[FAMILY_REJECTIONS] = {
	{ "source", offsetof(struct kc_counters, rejected_source) },
	{ "truncated", offsetof(struct kc_counters, rejected_truncated) },
	{ "nonce", offsetof(struct kc_counters, rejected_nonce) },
	{ "checksum", offsetof(struct kc_counters, rejected_checksum) },
	{ "unstamped", offsetof(struct kc_counters, rejected_unstamped) },
	{ "residence", offsetof(struct kc_counters, rejected_residence) },
};

static void write_reason(const struct metric_sink *sink, const struct exposition *exposition,
			 const struct reason *reason)
{
	sink_write_value(sink, exposition, "reason", reason->name,
			 reason_count(reason, exposition->counters));
}

void family_write_rejected(const struct family *family, const struct exposition *exposition,
			   uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	write_reason(sink, exposition, &rejections[row]);
}

void family_write_reflect_refused(const struct family *family, const struct exposition *exposition,
				  uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	write_reason(sink, exposition, &reasons_refused[row]);
}

void family_write_identities_refused(const struct family *family,
				     const struct exposition *exposition, uint32_t row,
				     const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, "reason", "taken", *exposition->names_taken);
	sink_write_value(sink, exposition, "reason", "invalid", *exposition->names_invalid);
	sink_write_value(sink, exposition, "reason", "changing", *exposition->names_changing);
}

void family_write_send_error(const struct family *family, const struct exposition *exposition,
			     uint32_t row, const struct metric_sink *sink)
{
	static const char *const reasons[SEND_ERRORS] = {
		[SEND_ERROR_UNREACHABLE] = "unreachable", [SEND_ERROR_PERMISSION] = "permission",
		[SEND_ERROR_TOO_LARGE] = "too_large",	  [SEND_ERROR_NO_BUFFER] = "no_buffer",
		[SEND_ERROR_WINDOW_FULL] = "window_full", [SEND_ERROR_OTHER] = "other",
	};

	(void)family;
	sink_write_value(sink, exposition, "reason", reasons[row], exposition->send_errors[row]);
}

void family_write_capacity_exceeded(const struct family *family,
				    const struct exposition *exposition, uint32_t row,
				    const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, "what", "addresses", *exposition->unplaced);
	sink_write_value(sink, exposition, "what", "interfaces",
			 interfaces_left_out(exposition->interfaces));
	sink_write_value(sink, exposition, "what", "ring",
			 family_counter(exposition, offsetof(struct kc_counters, ring_full)));
	sink_write_value(sink, exposition, "what", "names",
			 directory_totals(exposition->directory)->names_dropped);
	sink_write_value(sink, exposition, "what", "zones",
			 directory_totals(exposition->directory)->zones_dropped +
				 zones_dropped(exposition->zones));
}
