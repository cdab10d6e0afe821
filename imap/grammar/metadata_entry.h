// Names of annotations (RFC 5464 3.2): "/private/comment", "/shared/vendor/token/name".
// Runs on: any thread. Values.
#pragma once

#include "imap/wire/lexer.h"
#include "schema/metadata.h"

#include <string>
#include <string_view>

namespace cpm::imap::grammar {

// What is wrong with the name of an annotation, for the client; empty: nothing. `whole`: it names one that can have a
// value, not only the beginning of names.
[[nodiscard]] std::string entry_fault(std::string_view name, bool whole, const Limits& limits);

// entry: astring. BAD for a name that cannot be.
[[nodiscard]] schema::MetadataEntry parse_entry(wire::Lexer& lexer, bool whole);

}  // namespace cpm::imap::grammar
