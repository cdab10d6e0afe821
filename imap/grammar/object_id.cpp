#include "imap/grammar/object_id.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace cpm::imap {

namespace {

constexpr char kMailbox = 'F';
constexpr char kEmail = 'M';
constexpr char kThread = 'T';
constexpr std::size_t kDigits = 16;
constexpr std::size_t kDigestOctets = 16;

std::string hex(std::uint64_t number) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out(kDigits, '0');
  for (std::size_t i = kDigits; i-- > 0; number >>= 4) out[i] = kHex[number & 15];
  return out;
}

std::optional<std::int64_t> number_named(char kind, std::string_view id) {
  if (id.size() != 1 + kDigits || id.front() != kind) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = id.data() + id.size();
  if (std::from_chars(id.data() + 1, end, number, 16).ptr != end || number > INT64_MAX) return std::nullopt;
  if (kind + hex(number) != id) return std::nullopt;  // case is significant
  return static_cast<std::int64_t>(number);
}

bool is_object_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

}  // namespace

std::string mailbox_object_id(const schema::MailboxRow& mailbox) {
  const std::string text = "mailbox " + hex(static_cast<std::uint64_t>(mailbox.account.value)) + ' ' +
                           std::to_string(mailbox.id.value) + ' ' + std::to_string(mailbox.uidvalidity.value);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string out(1, kMailbox);
  for (std::size_t begin = 0; begin < kDigestOctets; begin += 8) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) number = number << 8 | digest[begin + i];
    out += hex(number);
  }
  return out;
}

std::string email_object_id(ContentId content) { return kEmail + hex(static_cast<std::uint64_t>(content.value)); }
std::string thread_object_id(std::int64_t thread) { return kThread + hex(static_cast<std::uint64_t>(thread)); }

std::optional<ContentId> content_named(std::string_view email_id) {
  const auto number = number_named(kEmail, email_id);
  if (!number) return std::nullopt;
  return ContentId{*number};
}

std::optional<std::int64_t> thread_named(std::string_view thread_id) { return number_named(kThread, thread_id); }

std::string grammar::parse_object_id(wire::Lexer& lexer) {
  constexpr std::size_t kLongest = 255;
  std::string id = lexer.atom();
  if (id.size() > kLongest || !std::all_of(id.begin(), id.end(), is_object_char)) {
    lexer.bad("Expected an object identifier");
  }
  return id;
}

}  // namespace cpm::imap
