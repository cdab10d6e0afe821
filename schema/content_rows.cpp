#include "schema/content_rows.h"

#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <random>
#include <stdexcept>

namespace cpm::schema {

namespace {

constexpr std::size_t kFactOctets = 1000;  // an index entry holds about 2700

// The length of the UTF-8 sequence at the beginning of `text`, 0 when it is not one (RFC 3629 4).
std::size_t sequence_length(std::string_view text) {
  const auto octet = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (octet(i) & 0xc0U) == 0x80; };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xe0 && octet(1) < 0xa0) return 0;
    if (first == 0xed && octet(1) > 0x9f) return 0;  // surrogates
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xf0 && octet(1) < 0x90) return 0;
    if (first == 0xf4 && octet(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

bool is_clean(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\0') return false;
    const std::size_t length = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : sequence_length(text.substr(at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

// Adds one element to an array literal.
void element(std::string& array, std::string_view text) {
  if (array.size() > 1) array += ',';
  array += text;
}

}  // namespace

ContentId new_content_id() {
  // Milliseconds since 2020 (41 bits: until 2089), then 22 random ones. Ids of one process rise strictly; two processes
  // that store into one account in one millisecond meet with a chance of one in four millions, and one of them gets an
  // error.
  using namespace std::chrono;
  constexpr auto kSince = sys_days{year{2020} / January / 1};
  thread_local std::mt19937_64 random{std::random_device{}()};
  static std::atomic<std::int64_t> last = 0;
  const auto now = duration_cast<milliseconds>(system_clock::now() - kSince).count();
  const std::int64_t wanted = (now & ((std::int64_t{1} << 41) - 1)) << 22 | static_cast<std::int64_t>(random() >> 42);
  std::int64_t before = last.load();
  std::int64_t id = 0;
  do {
    id = std::max(wanted, before + 1);
  } while (!last.compare_exchange_weak(before, id));
  return ContentId{id};
}

std::string sha256(std::string_view octets) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(octets.data(), octets.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

std::optional<std::int64_t> thread_id(std::string_view root) {
  if (root.empty()) return std::nullopt;
  const std::string digest = sha256(root);
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 8; ++i) id = id << 8 | static_cast<unsigned char>(digest[i]);
  return static_cast<std::int64_t>(id & 0x7fffffffffffffff);
}

std::string clean_text(std::string_view text) {
  if (is_clean(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++at;
      continue;
    }
    if (text[at] != '\0') out += text.substr(at, length);
    at += length;
  }
  return out;
}

std::string clean_fact(std::string_view text) {
  std::string out = clean_text(text);
  if (out.size() <= kFactOctets) return out;
  std::size_t end = kFactOctets;
  while ((static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80) --end;
  out.resize(end);
  return out;
}

void ContentRows::value(std::string_view octets) {
  blob_ += octets;
  at += ',';
  at += std::to_string(blob_.size());
}

std::string read_all(ByteSource& source, std::uint64_t size) {
  std::string out(static_cast<std::size_t>(size), '\0');
  for (std::size_t filled = 0; filled < out.size();) {
    const std::size_t got = source.read(filled, out.data() + filled, out.size() - filled);
    if (got == 0) throw std::runtime_error("the octets of a message ended early");
    filled += got;
  }
  return out;
}

void ContentRows::add(const StagedMessage& message, std::string_view octets) {
  const ContentHead& head = message.message.head;
  element(contents, std::to_string(message.content.value));
  element(sizes, std::to_string(message.size));
  element(header_octets, std::to_string(head.header_octets));
  element(dates, head.sent_date ? std::to_string(head.sent_date->time_since_epoch().count()) : "NULL");
  element(moments, head.sent_at ? std::to_string(head.sent_at->time_since_epoch().count()) : "NULL");
  element(directions, std::to_string(static_cast<int>(head.facts.direction)));
  const auto thread = thread_id(head.thread);
  element(threads, thread ? std::to_string(*thread) : "NULL");
  element(exact, head.facts.exact ? "t" : "f");
  element(complete, head.body_text_complete ? "t" : "f");
  // In the order that content_insert_v2 takes them.
  value(message.digest.empty() ? sha256(octets) : message.digest);
  value(octets);
  value(head.envelope);
  value(head.body);
  value(head.body_structure);
  value(head.part_map);
  value(head.header);
  value(clean_text(head.header_text));
  value(clean_text(head.body_text));
  value(clean_fact(head.facts.conversation_id));
  value(clean_fact(head.facts.contribution_id));
  value(clean_fact(head.facts.imdn_message_id));
  value(clean_fact(head.facts.message_id));
  value(head.sort_keys);
  ++count_;
}

void ContentRows::finish() {
  for (std::string* array :
       {&contents, &sizes, &header_octets, &dates, &moments, &directions, &threads, &exact, &complete, &at})
    *array += '}';
}

}  // namespace cpm::schema
