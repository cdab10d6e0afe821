// Maildir folders: cur and new, flags in the file name behind ":2,", keywords as small letters that the file
// dovecot-keywords explains.
// Runs on: the main thread.
#pragma once

#include "admin/import_source.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::admin {

// "1700000000.M1P2.host,S=12:2,FRS": F flagged, R answered, S seen, T deleted, D draft, P forwarded; a … z are
// keywords[0 …]. Unknown letters are ignored.
[[nodiscard]] schema::FlagSet maildir_flags(std::string_view file_name, const std::vector<std::string>& keywords);
// The part behind ":2,", letters sorted; keywords get letters by their place in `keywords`, which grows up to 26.
// Returns false when a keyword found no letter.
[[nodiscard]] bool maildir_letters(const schema::FlagSet& flags, std::vector<std::string>& keywords,
                                   std::string& letters);

// Lines "0 name".
[[nodiscard]] std::vector<std::string> parse_keyword_file(std::string_view text);
[[nodiscard]] std::string keyword_file(const std::vector<std::string>& keywords);

// Digits compare as numbers: "2.eml" before "10.eml".
[[nodiscard]] bool natural_less(const std::string& a, const std::string& b) noexcept;

[[nodiscard]] Result<std::unique_ptr<ImportSource>> open_maildir(const std::string& path, const Limits& limits);

}  // namespace cpm::admin
