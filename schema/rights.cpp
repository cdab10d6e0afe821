#include "schema/rights.h"

#include <array>
#include <utility>

namespace cpm::schema {

namespace {

// In the order in which they are told.
constexpr std::array<std::pair<char, Rights>, 13> kLetters{{{'l', kLookup},
                                                            {'r', kRead},
                                                            {'s', kKeepSeen},
                                                            {'w', kWrite},
                                                            {'i', kInsert},
                                                            {'p', kPost},
                                                            {'k', kCreate},
                                                            {'x', kDeleteMailbox},
                                                            {'t', kDeleteMessage},
                                                            {'e', kExpunge},
                                                            {'a', kAdminister},
                                                            {'n', kAnnotate},
                                                            {'0', kCopyOut}}};

}  // namespace

std::string rights_text(Rights rights, bool obsolete) {
  std::string out;
  for (const auto& [letter, right] : kLetters) {
    if ((rights & right) != 0) out += letter;
  }
  if (obsolete && (rights & (kCreate | kDeleteMailbox)) != 0) out += 'c';
  if (obsolete && (rights & (kDeleteMessage | kExpunge)) != 0) out += 'd';
  return out;
}

std::optional<Rights> rights_from(std::string_view text) {
  Rights rights = 0;
  for (const char c : text) {
    Rights found = 0;
    for (const auto& [letter, right] : kLetters) {
      if (letter == c) found = right;
    }
    if (c == 'c') found = kCreate | kDeleteMailbox;
    if (c == 'd') found = kDeleteMessage | kExpunge;
    if (found == 0) return std::nullopt;
    rights |= found;
  }
  return rights;
}

}  // namespace cpm::schema
