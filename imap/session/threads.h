// Threads of messages by the algorithms ORDEREDSUBJECT and REFERENCES (RFC 5256 3). Pure computation over keys that are
// collected first: time and memory grow with the number of keys (times its logarithm), and nothing recurses, however
// deep a thread is and whatever its References say.
// Runs on: any thread; one object, one user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap {

// Gives equal texts one number, from 1 on in the order of their coming; the empty text is 0. The hash is keyed, so that
// nobody can write a mail whose Message-IDs all collide.
class NameTable {
 public:
  NameTable();
  [[nodiscard]] std::uint32_t number(std::string_view name);
  [[nodiscard]] std::size_t size() const { return places_.size(); }  // greatest number given
  [[nodiscard]] std::size_t octets() const;                          // memory held

 private:
  struct Place {
    std::uint64_t hash;
    std::uint32_t offset, length;
  };
  [[nodiscard]] std::uint64_t hash(std::string_view name) const;
  void grow();

  std::uint64_t key_;
  std::string text_;
  std::vector<Place> places_;         // by number - 1
  std::vector<std::uint32_t> slots_;  // open addressing; a number, 0 = free
};

// What threading knows of the messages, added in rising order of their numbers in the mailbox.
class ThreadKeys {
 public:
  // `sent`: any unit that orders. `subject`: collation key of the base subject. `reply`: the whole subject says that it
  // is a reply or forward. `message_id` and `references` are normalised; empty: none, or not valid.
  void add(std::int64_t sent, std::string_view subject, bool reply, std::string_view message_id,
           std::span<const std::string_view> references);
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(messages_.size()); }
  [[nodiscard]] std::size_t octets() const;  // memory held

 private:
  friend class ReferenceThreader;
  friend class ThreadForest thread_by_subject(const ThreadKeys& keys);
  struct Message {
    std::int64_t sent;
    std::uint32_t subject;  // in subjects_
    std::uint32_t id;       // in ids_
    std::uint64_t references_begin;
    bool reply;
  };
  // Message indices in the order of their sent dates.
  [[nodiscard]] std::vector<std::uint32_t> by_date() const;
  [[nodiscard]] std::span<const std::uint32_t> references(std::uint32_t message) const;

  NameTable subjects_, ids_;
  std::vector<Message> messages_;
  std::vector<std::uint32_t> references_;  // in ids_, of all messages one after the other
};

// Threads as they are to be written: siblings in order. Nodes are message indices; numbers from size() of the keys on
// are dummies, which have at least two children and stand at the top only.
class ThreadForest {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  ThreadForest(std::uint32_t messages, std::size_t nodes)
      : messages_(messages), first_child_(nodes, kNone), last_child_(nodes, kNone), next_(nodes, kNone) {}
  // Appends as the last child of `parent`, or as the last thread when that is kNone.
  void append(std::uint32_t node, std::uint32_t parent);
  [[nodiscard]] bool dummy(std::uint32_t node) const { return node >= messages_; }
  [[nodiscard]] std::uint32_t first() const { return first_; }
  [[nodiscard]] std::uint32_t first_child(std::uint32_t node) const { return first_child_[node]; }
  [[nodiscard]] std::uint32_t next(std::uint32_t node) const { return next_[node]; }

 private:
  std::uint32_t messages_;
  std::uint32_t first_ = kNone, last_ = kNone;
  std::vector<std::uint32_t> first_child_, last_child_, next_;
};

[[nodiscard]] ThreadForest thread_by_subject(const ThreadKeys& keys);     // ORDEREDSUBJECT
[[nodiscard]] ThreadForest thread_by_references(const ThreadKeys& keys);  // REFERENCES

// Writes thread-list after thread-list, as much at a time as the caller wants.
class ThreadWriter {
 public:
  // `numbers`: what stands for each message index. REQUIRES: both outlive the writer.
  ThreadWriter(const ThreadForest& forest, const std::vector<std::uint32_t>& numbers);
  // Appends to `out` until it holds at least `up_to` octets. False when all is written.
  bool write(std::string& out, std::size_t up_to);

 private:
  void open(std::string& out, std::uint32_t node);

  const ThreadForest& forest_;
  const std::vector<std::uint32_t>& numbers_;
  std::uint32_t current_;            // to be written next; kNone at the end
  bool open_ = true;                 // current_ begins a list
  std::vector<std::uint32_t> then_;  // per open list: what follows it beside
};

}  // namespace cpm::imap
