#include "adapt/protocol.h"

#include "adapt/conversions.h"

#include <algorithm>
#include <cstring>

namespace cpm::adapt {

namespace {

constexpr std::size_t kPairs = 64;   // parameters or facts of one frame
constexpr std::size_t kText = 1024;  // octets of one text

void put(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((number >> shift) & 0xff));
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void put(std::string& out, const Parameters& pairs) {
  put(out, static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [name, value] : pairs) {
    put(out, name);
    put(out, value);
  }
}

// Takes fields from the front; `good` turns false at the first that is not there or too long.
struct Reader {
  std::string_view rest;
  bool good = true;

  std::uint32_t number() {
    if (!good || rest.size() < 4) return fail();
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(rest[static_cast<std::size_t>(i)]);
    rest.remove_prefix(4);
    return value;
  }
  std::string text() {
    const std::uint32_t size = number();
    if (!good || size > kText || size > rest.size()) {
      fail();
      return {};
    }
    std::string value(rest.substr(0, size));
    rest.remove_prefix(size);
    return value;
  }
  Parameters pairs() {
    Parameters result;
    const std::uint32_t count = number();
    if (count > kPairs) fail();
    for (std::uint32_t i = 0; i < count && good; ++i) {
      std::string name = text();
      result[std::move(name)] = text();
    }
    return result;
  }
  std::uint32_t fail() {
    good = false;
    return 0;
  }
};

bool printable(std::string_view text) {
  return text.size() <= 200 && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool printable(const Parameters& pairs) {
  return std::all_of(pairs.begin(), pairs.end(),
                     [](const auto& p) { return printable(p.first) && printable(p.second); });
}

// "image/png"; empty where nothing was found out.
bool type_like(std::string_view text) {
  return text.size() <= 100 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::strchr("/.+-_", c) != nullptr;
         });
}

// What is left of `payload` after `rest` was not yet read moves to its front.
std::string keep_rest(std::string payload, std::size_t rest) {
  payload.erase(0, payload.size() - rest);
  return payload;
}

}  // namespace

std::array<char, kFrameHead> write_head(FrameHead head) {
  std::string out;
  put(out, head.length);
  out.push_back(static_cast<char>(head.kind));
  std::array<char, kFrameHead> octets{};
  std::copy(out.begin(), out.end(), octets.begin());
  return octets;
}

std::optional<FrameHead> read_head(std::string_view octets) {
  Reader reader{octets};
  const std::uint32_t length = reader.number();
  const auto kind = static_cast<std::uint8_t>(reader.rest.empty() ? 0 : reader.rest.front());
  if (!reader.good || kind < 1 || kind > static_cast<std::uint8_t>(FrameKind::refused)) return std::nullopt;
  return FrameHead{length, static_cast<FrameKind>(kind)};
}

std::string write_task(const Task& task) {
  std::string out;
  put(out, task.declared.substr(0, kText));
  put(out, task.charset.substr(0, kText));
  put(out, task.target.substr(0, kText));
  put(out, task.parameters);
  return out;
}

std::string write_converted(const Converted& done) {
  std::string out;
  put(out, done.type);
  put(out, done.parameters);
  put(out, done.found);
  put(out, done.mislabelled ? 1U : 0U);
  put(out, done.facts);
  return out;
}

std::string write_refused(const Refused& refused) {
  std::string out;
  put(out, static_cast<std::uint32_t>(refused.why));
  put(out, refused.detail);
  put(out, static_cast<std::uint32_t>(refused.parameters.size()));
  for (const std::string& name : refused.parameters) put(out, name);
  put(out, refused.found);
  put(out, refused.target);
  return out;
}

std::optional<Task> read_task(std::string payload) {
  Reader reader{payload};
  Task task;
  task.declared = reader.text();
  task.charset = reader.text();
  task.target = reader.text();
  task.parameters = reader.pairs();
  if (!reader.good) return std::nullopt;
  const std::size_t rest = reader.rest.size();
  task.octets = keep_rest(std::move(payload), rest);
  return task;
}

std::optional<Converted> read_converted(std::string payload) {
  Reader reader{payload};
  Converted done;
  done.type = reader.text();
  done.parameters = reader.pairs();
  done.found = reader.text();
  done.mislabelled = reader.number() != 0;
  done.facts = reader.pairs();
  if (!reader.good) return std::nullopt;
  const bool named = done.type == kWhatItIs && !done.found.empty() && type_like(done.found);
  if (!named && find_conversion(done.found, done.type) == nullptr) return std::nullopt;
  if (!printable(done.parameters) || !printable(done.facts)) return std::nullopt;
  const std::size_t rest = reader.rest.size();
  done.octets = keep_rest(std::move(payload), rest);
  return done;
}

std::optional<Refused> read_refused(std::string_view payload) {
  Reader reader{payload};
  Refused refused;
  const std::uint32_t why = reader.number();
  refused.why = static_cast<Refusal>(why);
  refused.detail = reader.text();
  const std::uint32_t count = reader.number();
  if (count > kPairs) return std::nullopt;
  for (std::uint32_t i = 0; i < count && reader.good; ++i) refused.parameters.push_back(reader.text());
  refused.found = reader.text();
  refused.target = reader.text();
  // What only the server can say is not the worker's to claim.
  if (!reader.good || !reader.rest.empty() || why > static_cast<std::uint32_t>(Refusal::too_large)) return std::nullopt;
  if (!printable(refused.detail) || !type_like(refused.found) || !type_like(refused.target)) return std::nullopt;
  return refused;
}

std::optional<std::string> read_found(std::string_view payload) {
  if (!type_like(payload)) return std::nullopt;
  return std::string(payload);
}

}  // namespace cpm::adapt
