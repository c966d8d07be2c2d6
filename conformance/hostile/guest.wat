;; An analyzer that behaves until it hears a trigger: a push that begins with the sample 1000 + n makes
;; it do the n-th of the misdeeds below; a pack that begins with "!n" has it do so at once, and one
;; that begins with "?n" when the catalogue is sealed. Otherwise it answers every push and skip with one finding, a
;; talk-spurt whose start is the number of samples that the session has been given: whoever adds up
;; can tell whether any were lost.
(module
  (import "[export]callprint:analyzer/analysis@0.1.0" "[resource-new]session"
    (func $handle (param i32) (result i32)))
  ;; 0: zeroes; 256: list header; 512: findings; 4096: sessions of 16 bytes; 131072: arguments.
  (memory (export "memory") 16)
  (global $sessions (mut i32) (i32.const 0))
  (global $at-seal (mut i32) (i32.const 0))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 131072)

  (func (export "callprint:analyzer/catalog@0.1.0#configure") (param i32 i32) (result i32)
    i32.const 0)
  (func (export "callprint:analyzer/catalog@0.1.0#expect") (param i64))
  (func (export "callprint:analyzer/catalog@0.1.0#add-pack") (param $pack i32) (param $length i32) (result i32)
    (local $first i32) (local $which i32)
    (if (i32.ge_u (local.get $length) (i32.const 2))
      (then
        (local.set $first (i32.load8_u (local.get $pack)))
        (local.set $which (i32.sub (i32.load8_u offset=1 (local.get $pack)) (i32.const 48)))
        (if (i32.eq (local.get $first) (i32.const 0x21))
          (then (drop (call $misdeed (i32.const 4096) (local.get $which)))))
        (if (i32.eq (local.get $first) (i32.const 0x3f))
          (then (global.set $at-seal (local.get $which))))))
    i32.const 0)
  (func (export "callprint:analyzer/catalog@0.1.0#seal") (result i32)
    (if (global.get $at-seal)
      (then (drop (call $misdeed (i32.const 4096) (global.get $at-seal)))))
    i32.const 0)

  (func (export "callprint:analyzer/analysis@0.1.0#[constructor]session") (param i32) (result i32)
    (local $session i32)
    ;; Sessions are used over and over: 4,096 may live at a time.
    (local.set $session
      (i32.add (i32.const 4096) (i32.mul (i32.const 16) (i32.and (global.get $sessions) (i32.const 4095)))))
    (global.set $sessions (i32.add (global.get $sessions) (i32.const 1)))
    (i64.store (local.get $session) (i64.const 0))
    (i64.store offset=8 (local.get $session) (i64.const 0))
    (call $handle (local.get $session)))

  (func (export "callprint:analyzer/analysis@0.1.0#[method]session.push")
    (param $session i32) (param $side i32) (param $rate i32) (param $samples i32) (param $count i32)
    (result i32)
    (local $first i32)
    (if (local.get $count)
      (then
        (local.set $first (i32.sub (i32.load16_s (local.get $samples)) (i32.const 1000)))
        (if (i32.and (i32.ge_s (local.get $first) (i32.const 1)) (i32.le_s (local.get $first) (i32.const 13)))
          (then (return (call $misdeed (local.get $session) (local.get $first)))))))
    (call $answer (local.get $session) (local.get $side) (i64.extend_i32_u (local.get $count))))

  (func (export "callprint:analyzer/analysis@0.1.0#[method]session.skip")
    (param $session i32) (param $side i32) (param $rate i32) (param $count i64) (result i32)
    (call $answer (local.get $session) (local.get $side) (local.get $count)))

  (func (export "callprint:analyzer/analysis@0.1.0#[method]session.finish") (param $session i32) (result i32)
    (if (i64.eq (i64.load offset=8 (local.get $session)) (i64.const 9)) (then (unreachable)))
    (if (i64.eq (i64.load offset=8 (local.get $session)) (i64.const 11)) (then (loop $ever (br $ever))))
    (call $list (i32.const 0) (i32.const 0)))

  (func (export "callprint:analyzer/analysis@0.1.0#[dtor]session") (param $session i32)
    (if (i64.eq (i64.load offset=8 (local.get $session)) (i64.const 13)) (then (loop $ever (br $ever)))))

  (func $list (param $from i32) (param $count i32) (result i32)
    (i32.store (i32.const 256) (local.get $from))
    (i32.store (i32.const 260) (local.get $count))
    (i32.const 256))

  (func $answer (param $session i32) (param $side i32) (param $count i64) (result i32)
    ;; Of the far side only.
    (if (local.get $side) (then (return (call $list (i32.const 0) (i32.const 0)))))
    (i64.store (local.get $session) (i64.add (i64.load (local.get $session)) (local.get $count)))
    (call $speech (i32.const 512) (i64.load (local.get $session)))
    (call $list (i32.const 512) (i32.const 1)))

  ;; A finding of 112 bytes: a talk-spurt.
  (func $speech (param $at i32) (param $start i64)
    (i64.store (local.get $at) (local.get $start))
    (i32.store8 offset=8 (local.get $at) (i32.const 0))
    (i32.store8 offset=16 (local.get $at) (i32.const 3))
    (i64.store offset=24 (local.get $at) (local.get $start))
    (i32.store8 offset=32 (local.get $at) (i32.const 0))
    (f32.store offset=48 (local.get $at) (f32.const -20)))

  (func $misdeed (param $session i32) (param $which i32) (result i32)
    (block $bytes (block $zero (block $later (block $unknown (block $nonsense (block $strings
      (block $many (block $deep (block $bomb (block $loop (block $trap
        (br_table $trap $trap $loop $bomb $deep $many $strings $nonsense $unknown $later $zero $later
          $bytes $later
          (local.get $which)))
      ;; 1: trap
      (unreachable))
      ;; 2: endless loop
      (loop $ever (br $ever)))
      ;; 3: memory bomb
      (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
      (unreachable))
      ;; 4: deep recursion
      (drop (call $descend (i32.const 0)))
      (unreachable))
      ;; 5: ten million findings, of which the memory holds none
      (return (call $list (i32.const 512) (i32.const 10000000))))
      ;; 6: a thousand findings, each with 300 kB of strings, all in the same memory
      (call $scripts (i32.const 1000) (i32.const 300000) (f32.const 0.5))
      (return (call $list (i32.const 262144) (i32.const 1000))))
      ;; 7: a finding within the contract, but of nonsense: NaN, and an id of 60 kB
      (call $scripts (i32.const 1) (i32.const 60000) (f32.const nan))
      (return (call $list (i32.const 262144) (i32.const 1))))
      ;; 8: a kind of finding that there is not
      (call $speech (i32.const 512) (i64.const 0))
      (i32.store8 (i32.const 528) (i32.const 99))
      (return (call $list (i32.const 512) (i32.const 1))))
      ;; when the call ends, 9: a trap, 11: an endless loop; 13: an endless loop when it is dropped
      (i64.store offset=8 (local.get $session) (i64.extend_i32_u (local.get $which)))
      (return (call $list (i32.const 0) (i32.const 0))))
      ;; 10: division by nothing
      (return (i32.div_s (local.get $which) (i32.load (i32.const 0)))))
    ;; 12: a finding whose id is no text
    (i32.store (i32.const 400000) (i32.const -1))
    (call $scripts (i32.const 1) (i32.const 4) (f32.const 0.5))
    (call $list (i32.const 262144) (i32.const 1)))

  (func $descend (param $depth i32) (result i32)
    (i32.add (i32.const 1) (call $descend (i32.add (local.get $depth) (i32.const 1)))))

  ;; Script matches at 262144; their ids are the NULs at 400000.
  (func $scripts (param $count i32) (param $length i32) (param $confidence f32)
    (local $at i32)
    (local.set $at (i32.const 262144))
    (loop $next
      (memory.fill (local.get $at) (i32.const 0) (i32.const 112))
      (i32.store offset=28 (local.get $at) (i32.const 400000))
      (i32.store offset=32 (local.get $at) (local.get $length))
      (f32.store offset=60 (local.get $at) (local.get $confidence))
      (local.set $at (i32.add (local.get $at) (i32.const 112)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $next (local.get $count)))))
