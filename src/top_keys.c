/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control sequences of keys (ECMA-48 section 5.4: CSI, parameters, a final octet; SS3 and one
 * octet). Must not know what a key does.
 */
#include "top_keys.h"

#define ESCAPE		'\033'
#define SEQUENCE_LENGTH 16 /* what is longer is given up */

static int key_of_letter(char letter)
{
	switch (letter) {
	case 'A':
		return TOP_KEY_UP;
	case 'B':
		return TOP_KEY_DOWN;
	case 'C':
		return TOP_KEY_RIGHT;
	case 'D':
		return TOP_KEY_LEFT;
	case 'H':
		return TOP_KEY_HOME;
	case 'F':
		return TOP_KEY_END;
	default:
		return TOP_KEY_NONE;
	}
}

static int key_of_number(char digit)
{
	switch (digit) {
	case '1':
	case '7':
		return TOP_KEY_HOME;
	case '4':
	case '8':
		return TOP_KEY_END;
	case '5':
		return TOP_KEY_PAGE_UP;
	case '6':
		return TOP_KEY_PAGE_DOWN;
	default:
		return TOP_KEY_NONE;
	}
}

/* After CSI: parameters are 0x30 to 0x3f, intermediates 0x20 to 0x2f, the end 0x40 to 0x7e. */
static int decode_csi(const char *octets, size_t length, size_t *ret_used)
{
	for (size_t i = 2; i < length && i < SEQUENCE_LENGTH; i++) {
		char octet = octets[i];

		if (octet >= 0x20 && octet < 0x40)
			continue;
		*ret_used = i + 1;
		if (octet == '~')
			return i == 3 ? key_of_number(octets[2]) : TOP_KEY_NONE;
		return key_of_letter(octet);
	}
	*ret_used = length;
	return length < SEQUENCE_LENGTH ? TOP_KEY_MORE : TOP_KEY_NONE;
}

int top_key_decode(const char *octets, size_t length, bool all_there, size_t *ret_used)
{
	int key = TOP_KEY_MORE;

	*ret_used = 1;
	if (octets[0] != ESCAPE)
		return (unsigned char)octets[0];
	if (length >= 2 && octets[1] != '[' && octets[1] != 'O')
		return TOP_KEY_ESCAPE;
	if (length >= 3 && octets[1] == 'O') {
		*ret_used = 3;
		return key_of_letter(octets[2]);
	}
	if (length >= 3)
		key = decode_csi(octets, length, ret_used);
	if (key != TOP_KEY_MORE)
		return key;
	*ret_used = all_there ? length : 0;
	if (!all_there)
		return TOP_KEY_MORE;
	return length == 1 ? TOP_KEY_ESCAPE : TOP_KEY_NONE;
}
